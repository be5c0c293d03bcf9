// A chain over rows of `length` floats: a channel (PLAIN), a block of channels, or a whole image.
// MASK: the image is blocked with spare lanes, which become zero so that they stay finite.
__kernel void chain(__global const float *x, int x_at, __global float *y, int y_at CHAIN_POINTERS, int span,
                    int length, int rows, int x_image, int y_image, int plane, int channels CHAIN_NUMBERS)
{
    const int row = get_global_id(1), image = get_global_id(2);
    x += x_at + image * x_image + row * length;
    y += y_at + image * y_image + row * length;
    const int first = get_global_id(0) * span * V, end = min(first + span * V, length);
    for (int i = first; i < end; i += V) {
        VEC v = WHOLE(x + i);
        CHAIN(v, image, PLAIN ? row : row * BLOCK + i % BLOCK, row * length + i);
#if MASK
        v = keep_lanes(v, channels - (row * length + i) / plane * BLOCK - i % BLOCK);
#endif
        PUT_WHOLE(v, y + i);
    }
}
