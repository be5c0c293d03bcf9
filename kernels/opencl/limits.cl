// What a device does at most. V: floats of a vector.
#define CHAINS 8

// Vectors of x after `repeats` times v = v / 2 + 1, CHAINS of them a work-item so that none waits for itself.
__kernel void multiply_adds(__global const float *x, int x_at, __global float *y, int y_at, int repeats)
{
    const int first = get_global_id(0) * CHAINS * V;
    VEC v[CHAINS];
#pragma unroll
    for (int i = 0; i < CHAINS; i++) v[i] = LOAD(x + x_at + first + i * V);
    for (int r = 0; r < repeats; r++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) v[i] = v[i] * 0.5f + 1.0f;
    }
#pragma unroll
    for (int i = 0; i < CHAINS; i++) STORE(v[i], y + y_at + first + i * V);
}

// y = a + r b, for r from 0 up to `repeats`. A work-item does `count` vectors, `step` vectors apart, the first at its
// number times `stride`.
__kernel void triad(__global const float *restrict a, int a_at, __global const float *restrict b, int b_at, __global float *restrict y, int y_at,
                    int repeats, int count, int step, int stride)
{
    const size_t first = get_global_id(0) * stride;
    for (int r = 0; r < repeats; r++) {
        for (int i = 0; i < count; i++) {
            const size_t place = (first + (size_t)i * step) * V;
            PUT_LANES(LANES(a + a_at + place) + (float)r * LANES(b + b_at + place), y + y_at + place);
        }
    }
}
