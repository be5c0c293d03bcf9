// One value per channel: a group of ITEMS items per channel block, a slice of the pixels each, then their
// results together in local memory.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void global_pool(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                 int area, int blocks, int x_image, int y_image)
{
    __local VEC parts[ITEMS];
    const int item = get_local_id(0), lane = item % (BLOCK / V) * V, slices = ITEMS / (BLOCK / V);
    const int block = get_group_id(0) % blocks, image = get_group_id(0) / blocks;
    x += x_at + image * x_image + block * area * BLOCK + lane;
#if AVERAGE
    VEC value = 0.0f;
#else
    VEC value = -MAXFLOAT;
#endif
    for (int pixel = item / (BLOCK / V); pixel < area; pixel += slices) {
        const VEC next = LANES(x + pixel * BLOCK);
#if AVERAGE
        value += next;
#else
        value = MAX(value, next);
#endif
    }
    parts[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item >= BLOCK / V) return;
    for (int other = 1; other < slices; other++) {
        const VEC next = parts[item + other * (BLOCK / V)];
#if AVERAGE
        value += next;
#else
        value = MAX(value, next);
#endif
    }
#if AVERAGE
    value *= 1.0f / (float)area;
#endif
    PUT_LANES(value, y + y_at + image * y_image + block * BLOCK + lane);
}
