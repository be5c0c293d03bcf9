// Direct convolution of a padded input for OpenCL runtimes on CPU cores: a work-item does `span` register tiles of a row,
// one after another. Work-groups of one item.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void direct(__global const float *restrict x, int x_at, __global const float *restrict weights, int weights_at,
            __global const int *restrict offsets, int offsets_at, __global const int *restrict starts, int starts_at,
            __global const float *restrict bias, int bias_at, __global const float *restrict residual, int residual_at,
            __global float *restrict y, int y_at CHAIN_POINTERS,
            int span, int height, int width, int blocks, int runs, int x_row, int x_plane, int x_image, int y_image,
            int residual_image, float low, float high, float slope CHAIN_NUMBERS)
{
    const int image = get_global_id(ROW_AXIS) / height, row = get_global_id(ROW_AXIS) % height;
    const int first = get_global_id(0) * span, tiles = (width + T - 1) / T, steps = runs * RUN;
    const int block = min((int)get_global_id(3 - ROW_AXIS) * NB, blocks - NB);
    x += x_at + image * x_image + starts[starts_at + block] * x_plane + row * x_row;
    residual += residual_at + image * residual_image;
    y += y_at + image * y_image;
    weights += weights_at + block * steps * V;
    __global const VEC *b = (__global const VEC *)(bias + bias_at) + block;
    for (int tile = first; tile < min(first + span, tiles); tile++) {
        // the last tile overlaps its neighbour instead of being smaller: both write the same values
        const int column = min(tile * T, width - T);
        const int passed = tile + (ROW_AXIS == 1 ? (int)get_global_id(1) * tiles : 0);
        VEC sum[NB][T];
        #pragma unroll
        for (int n = 0; n < NB; n++)
            #pragma unroll
            for (int t = 0; t < T; t++) sum[n][t] = b[n];
        ADD_PRODUCTS(sum, x + column * PIXEL, offsets + offsets_at, runs, weights, steps,
                     weights + (NB * V + passed * AHEAD) * steps);
        #pragma unroll
        for (int n = 0; n < NB; n++) {
            const int at = (((block + n) * height + row) * width + column) * V;
            #pragma unroll
            for (int t = 0; t < T; t++) {
                VEC value = sum[n][t];
#if RESIDUAL
                value += *(__global const VEC *)(residual + at + t * V);
#endif
                value = ACTIVATE(value);
                CHAIN(value, image, (block + n) * V, at + t * V);
                *(__global VEC *)(y + at + t * V) = value;
            }
        }
    }
}
