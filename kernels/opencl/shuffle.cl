// Channels dealt out between groups, on blocked images of `area` pixels: output channel k is input channel
// first + k % groups * (channels / groups) + k / groups. A work-item writes one float; lanes beyond the channels become
// zero.
__kernel void shuffle_channels(__global const float *x, int x_at, __global float *y, int y_at,
                      int area, int channels, int groups, int first, int x_image, int y_image)
{
    const int lane = get_global_id(0) % BLOCK, pixel = get_global_id(0) / BLOCK;
    const int channel = get_global_id(1) * BLOCK + lane, image = get_global_id(2);
    const int source = first + channel % groups * (channels / groups) + channel / groups;
    float value = 0.0f;
    if (channel < channels)
        value = x[x_at + image * x_image + (source / BLOCK * area + pixel) * BLOCK + source % BLOCK];
    y[y_at + image * y_image + (get_global_id(1) * area + pixel) * BLOCK + lane] = value;
}
