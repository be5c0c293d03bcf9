// One function of two values, OP by name. `binary`: tensors of one shape, V floats at a time. `broadcast`:
// NumPy's rules over six axes, a stride per axis and input (0 along an axis that is repeated).
// MASK: the output is blocked with spare lanes, which become zero so that they stay finite.
#define OP_Add(p, q) (p + q)
#define OP_Sub(p, q) (p - q)
#define OP_Mul(p, q) (p * q)
#define OP_Div(p, q) (p / q)
#define OP_Pow(p, q) pow(p, q)
#define OP_Max(p, q) MAX(p, q)
#define OP_Min(p, q) MIN(p, q)
#define OP_PRelu(p, q) (p < 0.0f ? p * q : p)

__kernel void binary(__global const float *a, int a_at, __global const float *b, int b_at, __global float *y, int y_at,
                     int span, int count, int a_image, int b_image, int y_image, int plane, int channels)
{
    const int image = get_global_id(1);
    a += a_at + image * a_image;
    b += b_at + image * b_image;
    y += y_at + image * y_image;
    const int first = get_global_id(0) * span * V, end = min(first + span * V, count);
    for (int i = first; i < end; i += V) {
        const VEC p = load_part(a + i, count - i), q = load_part(b + i, count - i);
        VEC result = JOIN(OP_, OP)(p, q);
#if MASK
        result = keep_lanes(result, channels - i / plane * BLOCK - i % BLOCK);
#endif
        store_part(result, y + i, count - i);
    }
}

// The same with one value at a time: the last axis in a loop of `span`, the others from the position.
__kernel void broadcast(__global const float *a, int a_at, __global const float *b, int b_at,
                        __global float *y, int y_at, int span, int channels,
                        int n1, int n2, int n3, int n4, int n5,
                        int a0, int a1, int a2, int a3, int a4, int a5,
                        int b0, int b1, int b2, int b3, int b4, int b5,
                        int y0, int y1, int y2, int y3, int y4, int y5)
{
    int rest = get_global_id(1);
    const int i4 = rest % n4;
    rest /= n4;
    const int i3 = rest % n3;
    rest /= n3;
    const int i2 = rest % n2;
    rest /= n2;
    const int i1 = rest % n1, i0 = rest / n1;
    a += a_at + i0 * a0 + i1 * a1 + i2 * a2 + i3 * a3 + i4 * a4;
    b += b_at + i0 * b0 + i1 * b1 + i2 * b2 + i3 * b3 + i4 * b4;
    y += y_at + i0 * y0 + i1 * y1 + i2 * y2 + i3 * y3 + i4 * y4;
    const int first = get_global_id(0) * span, end = min(first + span, n5);
    for (int i5 = first; i5 < end; i5++) {
        const float p = a[i5 * a5], q = b[i5 * b5];
        float result = JOIN(OP_, OP)(p, q);
#if MASK
        if (i2 * BLOCK + i5 >= channels) result = 0.0f;
#endif
        y[i5 * y5] = result;
    }
}
