// A blocked input's channels put behind `start` others of a blocked output, where that is not at a block's
// edge; lanes from `channels` up to `filled` become zero.
__kernel void lanes(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                    int span, int area, int start, int channels, int filled, int x_image, int y_image)
{
    const int block = start / BLOCK + get_global_id(1), image = get_global_id(2);
    x += x_at + image * x_image;
    y += y_at + image * y_image + block * area * BLOCK;
    const int first = get_global_id(0) * span, end = min(first + span, area * BLOCK);
    for (int i = first; i < end; i++) {
        const int channel = block * BLOCK + i % BLOCK - start;
        if (channel < 0 || channel >= filled) continue;
        const int from = (channel / BLOCK * area + i / BLOCK) * BLOCK + channel % BLOCK;
        y[i] = channel < channels ? x[from] : 0.0f;
    }
}
