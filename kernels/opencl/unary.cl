// One function of one value, OP by name; `a` and `b` are its attributes. `count` floats per image, V at a time.
// MASK: the tensor is blocked with spare lanes, which become zero so that they stay finite.
#define OP_Relu(v) MAX(v, (VEC)(0.0f))
#define OP_Clip(v) MIN(MAX(v, (VEC)(a)), (VEC)(b))
#define OP_LeakyRelu(v) (v < 0.0f ? a * v : v)
#define OP_Elu(v) (v < 0.0f ? a * expm1(v) : v)
#define OP_Sigmoid(v) (1.0f / (1.0f + exp(-v)))
#define OP_Tanh(v) tanh(v)
#define OP_HardSigmoid(v) MIN(MAX(a * v + b, (VEC)(0.0f)), (VEC)(1.0f))
#define OP_HardSwish(v) (v * MIN(MAX(v / 6.0f + 0.5f, (VEC)(0.0f)), (VEC)(1.0f)))
#define OP_Exp(v) exp(v)
#define OP_Log(v) log(v)
#define OP_Sqrt(v) sqrt(v)
#define OP_Neg(v) (-v)
#define OP_Abs(v) fabs(v)
#define OP_Reciprocal(v) (1.0f / v)
#define OP_Floor(v) floor(v)
#define OP_Ceil(v) ceil(v)
#define OP_Softplus(v) (MAX(v, (VEC)(0.0f)) + log1p(exp(-fabs(v))))
#define OP_Erf(v) erf(v)

__kernel void unary(__global const float *x, int x_at, __global float *y, int y_at,
                    int span, int count, int x_image, int y_image, int plane, int channels, float a, float b)
{
    x += x_at + get_global_id(1) * x_image;
    y += y_at + get_global_id(1) * y_image;
    const int first = get_global_id(0) * span * V, end = min(first + span * V, count);
    for (int i = first; i < end; i += V) {
        const VEC v = load_part(x + i, count - i);
        VEC result = JOIN(OP_, OP)(v);
#if MASK
        result = keep_lanes(result, channels - i / plane * BLOCK - i % BLOCK);
#endif
        store_part(result, y + i, count - i);
    }
}
