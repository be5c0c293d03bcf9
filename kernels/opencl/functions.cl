// The functions of chains: OP_Name(v, q, a, b), of the value v, the operand q and the attributes a and b.
// In halves for 16 lanes: PoCL 3.0 never ends compiling exp and its kin for float16.
#if V == 16
#define HALVES(f, v) ((VEC)(f((v).lo), f((v).hi)))
#define HALVES2(f, v, q) ((VEC)(f((v).lo, (q).lo), f((v).hi, (q).hi)))
#else
#define HALVES(f, v) f(v)
#define HALVES2(f, v, q) f(v, q)
#endif
#define HARD_SIGMOID(v, a, b) MIN(MAX((a) * (v) + (b), (VEC)(0.0f)), (VEC)(1.0f))
#define SIGMOID(v) (1.0f / (1.0f + HALVES(exp, -(v))))
#define OP_Relu(v, q, a, b) MAX(v, (VEC)(0.0f))
#define OP_Clip(v, q, a, b) MIN(MAX(v, (VEC)(a)), (VEC)(b))
#define OP_LeakyRelu(v, q, a, b) (v < 0.0f ? a * v : v)
#define OP_Elu(v, q, a, b) (v < 0.0f ? a * HALVES(expm1, v) : v)
#define OP_Sigmoid(v, q, a, b) SIGMOID(v)
#define OP_Swish(v, q, a, b) (v * SIGMOID(a * v))
#define OP_Tanh(v, q, a, b) HALVES(tanh, v)
#define OP_HardSigmoid(v, q, a, b) HARD_SIGMOID(v, a, b)
#define OP_HardSwish(v, q, a, b) (v * HARD_SIGMOID(v, 1.0f / 6.0f, 0.5f))
#define OP_Softplus(v, q, a, b) (MAX(v, (VEC)(0.0f)) + HALVES(log1p, HALVES(exp, -HALVES(fabs, v))))
#define OP_Erf(v, q, a, b) HALVES(erf, v)
#define OP_Exp(v, q, a, b) HALVES(exp, v)
#define OP_Log(v, q, a, b) HALVES(log, v)
#define OP_Sqrt(v, q, a, b) HALVES(sqrt, v)
#define OP_Neg(v, q, a, b) (-v)
#define OP_Abs(v, q, a, b) HALVES(fabs, v)
#define OP_Reciprocal(v, q, a, b) (1.0f / v)
#define OP_Floor(v, q, a, b) HALVES(floor, v)
#define OP_Ceil(v, q, a, b) HALVES(ceil, v)
#define OP_Add(v, q, a, b) (v + q)
#define OP_Sub(v, q, a, b) (v - q)
#define OP_Mul(v, q, a, b) (v * q)
#define OP_Div(v, q, a, b) (v / q)
#define OP_Pow(v, q, a, b) HALVES2(pow, v, q)
#define OP_Max(v, q, a, b) MAX(v, q)
#define OP_Min(v, q, a, b) MIN(v, q)
#define OP_PRelu(v, q, a, b) (v < 0.0f ? v * q : v)

// What a fused chain puts into a kernel: pointers behind its own, numbers behind its own, and its statements, for the
// value v of a channel and of a place in an image, both in floats. Nothing where no chain is fused.
// A kernel that takes a table has CHAIN_BASES behind its own pointers, room for CHAIN_OPERANDS offsets and CHAIN_WORDS
// numbers behind its own in a job's row, and CHAIN_FIELDS, which reads those.
#ifndef CHAIN
#define CHAIN_POINTERS
#define CHAIN_NUMBERS
#define CHAIN_BASES
#define CHAIN_OPERANDS 0
#define CHAIN_WORDS 0
#define CHAIN_FIELDS(offsets, numbers)
#define CHAIN(v, image, channel, at)
#endif
// How a chain reads an operand as large as the image, and one of a number a channel.
#define WHOLE(p) LANES(p)
#define PER_CHANNEL(p) LANES(p)

