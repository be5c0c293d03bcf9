// Depthwise convolution: every work-item keeps V of a pixel's BLOCK lanes; `span` pixels, one after another.
__kernel void depthwise(__global const float *restrict x, int x_at, __global const float *restrict weights,
                        int weights_at, __global const float *restrict bias, int bias_at,
                        __global const float *restrict residual, int residual_at, __global float *restrict y,
                        int y_at CHAIN_POINTERS, int span, int height, int width, int blocks, int x_height, int x_width,
                        int x_image, int y_image, int residual_image, float low, float high, float slope CHAIN_NUMBERS)
{
    const int row = get_global_id(1), block = get_global_id(2) % blocks, image = get_global_id(2) / blocks;
    const int first = get_global_id(0) * span, end = min(first + span, width * (BLOCK / V));
    const int top = row * STRIDE_H - PAD_TOP;
    x += x_at + image * x_image + block * x_height * x_width * BLOCK;
    weights += weights_at + block * KH * KW * BLOCK;
    for (int item = first; item < end; item++) {
        const int column = item / (BLOCK / V), lane = item % (BLOCK / V) * V;
        const int left = column * STRIDE_W - PAD_LEFT;
        VEC sum = LANES(bias + bias_at + block * BLOCK + lane);
        const int whole = top >= 0 && top + (KH - 1) * DILATION_H < x_height && left >= 0
                          && left + (KW - 1) * DILATION_W < x_width;
        #pragma unroll
        for (int i = 0; i < KH; i++) {
            const int h = top + i * DILATION_H;
            if (!whole && (h < 0 || h >= x_height)) continue;
            #pragma unroll
            for (int j = 0; j < KW; j++) {
                const int w = left + j * DILATION_W;
                if (!whole && (w < 0 || w >= x_width)) continue;
                sum += LANES(x + (h * x_width + w) * BLOCK + lane) * LANES(weights + (i * KW + j) * BLOCK + lane);
            }
        }
        const int at = ((block * height + row) * width + column) * BLOCK + lane;
#if RESIDUAL
        sum += LANES(residual + residual_at + image * residual_image + at);
#endif
        sum = ACTIVATE(sum);
        CHAIN(sum, image, block * BLOCK + lane, at);
        PUT_LANES(sum, y + y_at + image * y_image + at);
    }
}
