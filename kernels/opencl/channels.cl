// Channels picked from two blocked images of `area` pixels: picked[channel] is one of the first image, or the
// complement of one of the second. V lanes of a pixel at a time. Jobs come from a table (see prelude.cl).
enum {
    FIRST_AT = 2, SECOND_AT, PICKED_AT, Y_AT, SPAN, AREA, FIRST_IMAGE, SECOND_IMAGE, Y_IMAGE, FIELDS
};

__kernel void channels(__global const float *first, __global const float *second, __global const int *picked,
                       __global float *y, __global const int *table)
{
    int group = get_group_id(0);
    __global const int *job = find_job(table, FIELDS, &group);
    const int block = group / job[0] % job[1], image = group / job[0] / job[1], area = job[AREA], span = job[SPAN];
    const int begin = (group % job[0] * (int)get_local_size(0) + (int)get_local_id(0)) * span;
    const int end = min(begin + span, area * (BLOCK / V));
    first += job[FIRST_AT] + image * job[FIRST_IMAGE];
    second += job[SECOND_AT] + image * job[SECOND_IMAGE];
    picked += job[PICKED_AT] + block * BLOCK;
    y += job[Y_AT] + image * job[Y_IMAGE] + block * area * BLOCK;
    for (int i = begin; i < end; i++) {
        const int pixel = i / (BLOCK / V), lane = i % (BLOCK / V) * V;
        float values[V];
        for (int j = 0; j < V; j++) {
            const int source = picked[lane + j], channel = source < 0 ? ~source : source;
            const int at = (channel / BLOCK * area + pixel) * BLOCK + channel % BLOCK;
            values[j] = source < 0 ? second[at] : first[at];
        }
        PUT_LANES(LOAD(values), y + pixel * BLOCK + lane);
    }
}
