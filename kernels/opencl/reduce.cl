// Reduction of `length` values `inner` floats apart: a group of ITEMS items per result. WAY: how values are joined,
// 0 sum, 1 of magnitudes, 2 of squares, 3 largest, 4 smallest. ROOT: the result's square root is taken.
#if WAY == 1
#define PREPARED(v) fabs(v)
#elif WAY == 2
#define PREPARED(v) ((v) * (v))
#else
#define PREPARED(v) (v)
#endif
#if WAY == 3
#define TOGETHER(a, b) MAX(a, b)
#elif WAY == 4
#define TOGETHER(a, b) MIN(a, b)
#else
#define TOGETHER(a, b) ((a) + (b))
#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void reduce(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
            int length, int inner, float factor)
{
    __local float parts[ITEMS];
    const int item = get_local_id(0), result = get_group_id(0);
    x += x_at + result / inner * length * inner + result % inner;
    // an item that has nothing to do begins with another's value where that does no harm
    float total = WAY < 3 && item >= length ? 0.0f : PREPARED(x[min(item, length - 1) * inner]);
    for (int i = item + ITEMS; i < length; i += ITEMS) {
        const float value = PREPARED(x[i * inner]);
        total = TOGETHER(total, value);
    }
    parts[item] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item > 0) return;
    for (int i = 1; i < ITEMS; i++) total = TOGETHER(total, parts[i]);
    y[y_at + result] = ROOT ? sqrt(total) : total * factor;
}
