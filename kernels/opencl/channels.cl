// Channels picked from two blocked images of `area` pixels: picked[channel] is one of the first image, or the
// complement of one of the second. A work-item does V lanes of `span` pixels. Jobs come from a table (see prelude.cl).
enum {
    FIRST_AT = 2, SECOND_AT, PICKED_AT, Y_AT, SPAN, AREA, FIRST_IMAGE, SECOND_IMAGE, Y_IMAGE, FIELDS
};

__kernel void channels(__global const float *first, __global const float *second, __global const int *picked,
                       __global float *y, __global const int *table)
{
    int group = get_group_id(0);
    __global const int *job = find_job(table, FIELDS, &group);
    const int block = group / job[0] % job[1], image = group / job[0] / job[1], area = job[AREA], span = job[SPAN];
    const int item = group % job[0] * (int)get_local_size(0) + (int)get_local_id(0);
    const int lane = item % (BLOCK / V) * V, begin = item / (BLOCK / V) * span, end = min(begin + span, area);
    first += job[FIRST_AT] + image * job[FIRST_IMAGE];
    second += job[SECOND_AT] + image * job[SECOND_IMAGE];
    picked += job[PICKED_AT] + block * BLOCK + lane;
    y += job[Y_AT] + image * job[Y_IMAGE] + block * area * BLOCK + lane;
    __global const float *from[V];
    #pragma unroll
    for (int j = 0; j < V; j++) {
        const int channel = picked[j] < 0 ? ~picked[j] : picked[j];
        from[j] = (picked[j] < 0 ? second : first) + channel / BLOCK * area * BLOCK + channel % BLOCK;
    }
    for (int pixel = begin; pixel < end; pixel++) {
        union { float lane[V]; VEC all; } values;
        #pragma unroll
        for (int j = 0; j < V; j++) values.lane[j] = from[j][pixel * BLOCK];
        PUT_LANES(values.all, y + pixel * BLOCK);
    }
}
