// What every template may use: vectors of V floats, and the activation that fused operators share.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define UNROLLED _Pragma("unroll")
#ifndef V
#define V 1
#endif
#if V == 1
#define VEC float
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#else
#define VEC JOIN(float, V)
#define LOAD(p) JOIN(vload, V)(0, p)
#define STORE(v, p) JOIN(vstore, V)(v, 0, p)
#endif
// V lanes of a block: blocked tensors and packed weights begin at multiples of a block
#define LANES(p) (*(__global const VEC *)(p))
#define PUT_LANES(v, p) (*(__global VEC *)(p) = (v))
// Vector comparisons instead of min and max: PoCL 3.0 never ends compiling those for float16.
#define MIN(a, b) ((b) < (a) ? (b) : (a))
#define MAX(a, b) ((a) < (b) ? (b) : (a))
// clamp to [low, high], plus slope times the negative part: Relu, Clip and LeakyRelu in one form
#define CLAMP(v, low, high, slope) (MIN(MAX((v), (VEC)(low)), (VEC)(high)) + (slope) * MIN((v), (VEC)(0.0f)))
#define ACTIVATE(v) CLAMP(v, low, high, slope)

#if V <= 8
// The first `count` of V neighbouring floats, all of them where there are as many.
VEC load_part(__global const float *p, int count)
{
    if (count >= V) return LOAD(p);
    float values[V];
    for (int j = 0; j < V; j++) values[j] = p[min(j, count - 1)];
    return LOAD(values);
}

void store_part(VEC v, __global float *p, int count)
{
    if (count >= V) {
        STORE(v, p);
        return;
    }
    float values[V];
    STORE(v, values);
    for (int j = 0; j < count; j++) p[j] = values[j];
}

// v with zeros in all but its first `kept` lanes: spare lanes of a block stay finite.
VEC keep_lanes(VEC v, int kept)
{
    float values[V];
    STORE(v, values);
    for (int j = 0; j < V; j++)
        if (j >= kept) values[j] = 0.0f;
    return LOAD(values);
}
#endif


// The row of a table's job that a work-group belongs to (GpuStep.table says what is in it); `group` becomes its
// number among that job's.
__global const int *find_job(__global const int *table, int fields, int *group)
{
    const int jobs = *table++;
    int job = 0, before = 0;
    for (int i = 0; i < jobs - 1; i++)
        if (*group >= table[i]) {
            job = i + 1;
            before = table[i];
        }
    *group -= before;
    return table + jobs + job * fields;
}
