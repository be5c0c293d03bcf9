// Between plain [C][area] and blocked [ceil(C / BLOCK)][area][BLOCK]; padding lanes become zero.
__kernel void reorder(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                      int span, int area, int channels, int x_image, int y_image)
{
    const int first_channel = get_global_id(1) * BLOCK, image = get_global_id(2);
    x += x_at + image * x_image;
    y += y_at + image * y_image;
    const int first = get_global_id(0) * span, end = min(first + span, area * BLOCK);
    for (int i = first; i < end; i++) {
        const int channel = first_channel + i % BLOCK;
        const int plain = channel * area + i / BLOCK, blocked = first_channel * area + i;
#if TO_BLOCKED
        y[blocked] = channel < channels ? x[plain] : 0.0f;
#else
        if (channel < channels) y[plain] = x[blocked];
#endif
    }
}
