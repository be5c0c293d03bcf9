// Pooling over windows clipped to the image, V of a pixel's BLOCK lanes at a time. AVERAGE 0: the maximum;
// 1: the mean over the real elements of the window; 2: over its elements within the padded image.
__kernel void pool(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                   int span, int height, int width, int blocks, int x_height, int x_width, int x_image, int y_image)
{
    const int row = get_global_id(1), block = get_global_id(2) % blocks, image = get_global_id(2) / blocks;
    const int first = get_global_id(0) * span, end = min(first + span, width * (BLOCK / V));
    const int top = row * STRIDE_H - PAD_TOP;
    x += x_at + image * x_image + block * x_height * x_width * BLOCK;
    y += y_at + image * y_image + (block * height + row) * width * BLOCK;
    for (int item = first; item < end; item++) {
        const int column = item / (BLOCK / V), lane = item % (BLOCK / V) * V;
        const int left = column * STRIDE_W - PAD_LEFT;
#if AVERAGE
        VEC value = 0.0f;
        int counted = 0;
#else
        VEC value = -MAXFLOAT;
#endif
        const int whole = top >= 0 && top + (KH - 1) * DILATION_H < x_height && left >= 0
                          && left + (KW - 1) * DILATION_W < x_width;
        #pragma unroll
        for (int i = 0; i < KH; i++) {
            const int h = top + i * DILATION_H;
            #pragma unroll
            for (int j = 0; j < KW; j++) {
                const int w = left + j * DILATION_W;
#if AVERAGE == 2
                counted += h < x_height + PAD_BOTTOM && w < x_width + PAD_RIGHT;
#endif
                if (!whole && (h < 0 || h >= x_height || w < 0 || w >= x_width)) continue;
                const VEC next = LANES(x + (h * x_width + w) * BLOCK + lane);
#if AVERAGE
                value += next;
#else
                value = MAX(value, next);
#endif
#if AVERAGE == 1
                counted++;
#endif
            }
        }
#if AVERAGE
        value *= 1.0f / (float)max(counted, 1);
#endif
        PUT_LANES(value, y + column * BLOCK + lane);
    }
}
