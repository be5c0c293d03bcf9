// Channels picked from two blocked images of `area` pixels: picked[channel] is one of the first image, or the
// complement of one of the second. V lanes of a pixel at a time.
__kernel void channels(__global const float *first, int first_at, __global const float *second, int second_at,
                       __global const int *picked, int picked_at, __global float *y, int y_at,
                       int span, int area, int first_image, int second_image, int y_image)
{
    const int block = get_global_id(1), image = get_global_id(2);
    const int begin = get_global_id(0) * span, end = min(begin + span, area * (BLOCK / V));
    first += first_at + image * first_image;
    second += second_at + image * second_image;
    y += y_at + image * y_image + block * area * BLOCK;
    for (int i = begin; i < end; i++) {
        const int pixel = i / (BLOCK / V), lane = i % (BLOCK / V) * V;
        float values[V];
        for (int j = 0; j < V; j++) {
            const int source = picked[picked_at + block * BLOCK + lane + j], channel = source < 0 ? ~source : source;
            const int at = (channel / BLOCK * area + pixel) * BLOCK + channel % BLOCK;
            values[j] = source < 0 ? second[at] : first[at];
        }
        PUT_LANES(LOAD(values), y + pixel * BLOCK + lane);
    }
}
