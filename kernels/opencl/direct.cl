// Direct convolution for OpenCL runtimes on CPU cores: T pixels x NB output blocks of V channels stay in
// registers while the reduction runs over `runs` stretches of RUN neighbouring floats (offsets[offsets_at + run]) of a
// padded input. Neighbouring output pixels lie PIXEL floats apart in it. Work-groups of one item. AHEAD: how many
// vectors further on weights are asked for, by a function of Clang's; 0: they are not.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void direct(__global const float *restrict x, int x_at, __global const float *restrict weights, int weights_at,
            __global const int *restrict offsets, int offsets_at, __global const int *restrict starts, int starts_at,
            __global const float *restrict bias, int bias_at, __global const float *restrict residual, int residual_at,
            __global float *restrict y, int y_at CHAIN_POINTERS,
            int height, int width, int blocks, int runs, int x_row, int x_plane, int x_image, int y_image,
            int residual_image, float low, float high, float slope CHAIN_NUMBERS)
{
    const int image = get_global_id(ROW_AXIS) / height, row = get_global_id(ROW_AXIS) % height;
    // the last tile overlaps its neighbour instead of being smaller: both write the same values
    const int column = min((int)get_global_id(0) * T, width - T);
    const int block = min((int)get_global_id(3 - ROW_AXIS) * NB, blocks - NB);
    x += x_at + image * x_image + starts[starts_at + block] * x_plane + row * x_row + column * PIXEL;
    __global const VEC *w = (__global const VEC *)(weights + weights_at) + block * runs * RUN;
    __global const VEC *b = (__global const VEC *)(bias + bias_at) + block;
    VEC sum[NB][T];
    #pragma unroll
    for (int n = 0; n < NB; n++)
        #pragma unroll
        for (int t = 0; t < T; t++) sum[n][t] = b[n];
    for (int run = 0; run < runs; run++) {
        __global const float *from = x + offsets[offsets_at + run];
        #pragma unroll UNROLL
        for (int i = 0; i < RUN; i++, w++) {
#if AHEAD
            __builtin_prefetch((const void *)(size_t)(w + AHEAD));
#endif
            VEC weight[NB];
            #pragma unroll
            for (int n = 0; n < NB; n++) weight[n] = w[n * runs * RUN];
            #pragma unroll
            for (int t = 0; t < T; t++) {
                const float value = from[t * PIXEL + i];
                #pragma unroll
                for (int n = 0; n < NB; n++) sum[n][t] += value * weight[n];  // fma() ends PoCL 3.0
            }
        }
    }
    #pragma unroll
    for (int n = 0; n < NB; n++) {
        const int at = (((block + n) * height + row) * width + column) * V;
        #pragma unroll
        for (int t = 0; t < T; t++) {
            VEC value = sum[n][t];
#if RESIDUAL
            value += *(__global const VEC *)(residual + residual_at + image * residual_image + at + t * V);
#endif
            value = ACTIVATE(value);
            CHAIN(value, image, (block + n) * V, at + t * V);
            *(__global VEC *)(y + y_at + image * y_image + at + t * V) = value;
        }
    }
}
