// y = activation(x * scale[channel] + shift[channel]): rows of `length` floats, one row per channel (PLAIN)
// or per channel block, where the vectors of a block's lanes alternate.
__kernel void affine(__global const float *restrict x, int x_at, __global const float *restrict scale, int scale_at,
                     __global const float *restrict shift, int shift_at, __global float *restrict y, int y_at CHAIN_POINTERS,
                     int span, int length, int rows, int x_image, int y_image, float low, float high, float slope CHAIN_NUMBERS)
{
    const int row = get_global_id(1), image = get_global_id(2);
    x += x_at + image * x_image + row * length;
    y += y_at + image * y_image + row * length;
    scale += scale_at;
    shift += shift_at;
    const int first = get_global_id(0) * span * V, end = min(first + span * V, length);
    for (int i = first; i < end; i += V) {
        const int channel = PLAIN ? row : row * BLOCK + i % BLOCK;
        const VEC v = WHOLE(x + i) * PER_CHANNEL(scale + channel) + PER_CHANNEL(shift + channel);
        VEC value = ACTIVATE(v);
        CHAIN(value, image, channel, row * length + i);
        PUT_WHOLE(value, y + i);
    }
}
