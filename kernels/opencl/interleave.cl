// The phases of a transposed convolution, which a convolution made as channels, put where they belong: the pixel
// (row, column) of phase p of STRIDE_H x STRIDE_W becomes (row * STRIDE_H, column * STRIDE_W) + p, less the pads.
// A group's phases hold APART channels each, SHARE of them real. A work-item writes one float.
__kernel void interleave(__global const float *restrict x, int x_at, __global const float *restrict bias, int bias_at,
                         __global const float *restrict residual, int residual_at, __global float *restrict y, int y_at,
                         int area, int width, int channels, int x_width, int x_area, int top, int left,
                         int x_image, int y_image, int residual_image, float low, float high, float slope)
{
    const int lane = get_global_id(0) % BLOCK, pixel = get_global_id(0) / BLOCK, image = get_global_id(2);
    const int channel = get_global_id(1) * BLOCK + lane, at = (get_global_id(1) * area + pixel) * BLOCK + lane;
    const int row = pixel / width + top, column = pixel % width + left;
    const int phase = row % STRIDE_H * STRIDE_W + column % STRIDE_W;
    const int from = (channel / SHARE * STRIDE_H * STRIDE_W + phase) * APART + channel % SHARE;
    const int place = row / STRIDE_H * x_width + column / STRIDE_W;
    float value = 0.0f;
    if (channel < channels) {
        value = x[x_at + image * x_image + (from / BLOCK * x_area + place) * BLOCK + from % BLOCK];
        value += bias[bias_at + channel];
    }
#if RESIDUAL
    value += residual[residual_at + image * residual_image + at];
#endif
    y[y_at + image * y_image + at] = ACTIVATE(value);
}
