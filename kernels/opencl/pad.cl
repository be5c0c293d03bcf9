// An image with a border of zeros around it, so that convolution needs no bounds checks.
// INTERLEAVE 0: blocked [C / V][H][W][V] to the same, larger. INTERLEAVE C: plain [C][H][W] to [H][W][C].
__kernel void pad(__global const float *x, int x_at, __global float *y, int y_at,
                  int height, int width, int padded_height, int padded_width, int top, int left,
                  int x_image, int y_image, int planes)
{
    const int row = get_global_id(0), plane = get_global_id(1) % planes, image = get_global_id(1) / planes;
    const int source = row - top;
    const int inside = source >= 0 && source < height;
    x += x_at + image * x_image;
    y += y_at + image * y_image;
#if INTERLEAVE
    y += row * padded_width * INTERLEAVE;
    for (int i = 0; i < padded_width * INTERLEAVE; i++) y[i] = 0.0f;
    if (!inside) return;
    for (int i = 0; i < width; i++)
        #pragma unroll
        for (int c = 0; c < INTERLEAVE; c++) y[(left + i) * INTERLEAVE + c] = x[(c * height + source) * width + i];
#else
    __global VEC *to = (__global VEC *)y + (plane * padded_height + row) * padded_width;
    __global const VEC *from = (__global const VEC *)x + (plane * height + source) * width;
    for (int i = 0; i < padded_width; i++) {
        const int column = i - left;
        to[i] = inside && column >= 0 && column < width ? from[column] : (VEC)(0.0f);
    }
#endif
}
