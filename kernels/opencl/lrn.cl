// Local response normalisation across channels: y = x / (bias + scale * sum of squares in the window)^beta,
// the window from `before` channels in front of a channel to `after` behind it. Every work-item does one
// block of one pixel after another; windows reach into the neighbouring blocks.
#if POWER == 50
#define INVERSE_POWER(v) (1.0f / sqrt(v))
#elif POWER == 75
#define INVERSE_POWER(v) (1.0f / (sqrt(v) * sqrt(sqrt(v))))
#elif POWER == 100
#define INVERSE_POWER(v) (1.0f / (v))
#else
#define INVERSE_POWER(v) exp(-beta * log(v))
#endif

__kernel void lrn(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                  int span, int area, int channels, int x_image, int y_image, float scale, float bias, float beta)
{
    const int block = get_global_id(1), image = get_global_id(2), plane = area * BLOCK;
    x += x_at + image * x_image;
    y += y_at + image * y_image + block * plane;
    const int first = get_global_id(0) * span, end = min(first + span, area);
    for (int pixel = first; pixel < end; pixel++) {
        float square[BLOCK + BEFORE + AFTER];
        #pragma unroll
        for (int i = 0; i < BLOCK + BEFORE + AFTER; i++) {
            const int channel = block * BLOCK + i - BEFORE;
            float v = 0.0f;
            if (channel >= 0 && channel < channels) v = x[channel / BLOCK * plane + pixel * BLOCK + channel % BLOCK];
            square[i] = v * v;
        }
        VEC sums[BLOCK / V];
        #pragma unroll
        for (int lane = 0; lane < BLOCK; lane++) {
            float sum = 0.0f;
            #pragma unroll
            for (int i = 0; i < BEFORE + AFTER + 1; i++) sum += square[lane + i];
            ((float *)sums)[lane] = sum;
        }
        #pragma unroll
        for (int lane = 0; lane < BLOCK; lane += V) {
            const VEC base = bias + scale * sums[lane / V];
            const VEC v = LANES(x + block * plane + pixel * BLOCK + lane) * INVERSE_POWER(base);
            PUT_LANES(v, y + pixel * BLOCK + lane);
        }
    }
}
