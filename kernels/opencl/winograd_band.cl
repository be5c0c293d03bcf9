// Winograd's F(4x4, 3x3) on CPU cores, in bands of `each` tiles of all images: a band's planes and, of NB output blocks
// at a time, its products stay in the core's cache. A work-item does one task after another, with `room` floats of scratch
// memory to itself: planes [36][block][tile][V] and behind them products [NB][36][tile][V], planes of both a vector more
// than that apart, or all of a tile would meet in one set of the cache. A task is the output blocks of one of `parts` of
// a band. Weights lie as [output block][36][input block][V][V]. Work-groups of one item.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void winograd_band(__global const float *restrict x, int x_at, __global const float *restrict weights, int weights_at,
                   __global const int *restrict offsets, int offsets_at, __global const float *restrict bias, int bias_at,
                   __global const float *restrict residual, int residual_at, __global float *restrict scratch,
                   int scratch_at, __global float *restrict y, int y_at CHAIN_POINTERS,
                   int tasks, int parts, int each, int room, int tiles, int area, int wide, int x_height, int x_width,
                   int x_blocks, int height, int width, int y_blocks, int x_image, int y_image, int residual_image,
                   int pad_top, int pad_left, float low, float high, float slope CHAIN_NUMBERS)
{
    const int pitch = (x_blocks * each + 1) * V, product_pitch = (each + 1) * V, steps = x_blocks * V;
    __global float *planes = scratch + scratch_at + (int)get_global_id(0) * room, *products = planes + 36 * pitch;
    for (int task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const int begin = min(task / parts * each, tiles - each);
        for (int block = 0; block < x_blocks; block++)
            for (int i = 0; i < each; i++) {
                const int tile = (begin + i) % area;
                tile_in(x + x_at + (begin + i) / area * x_image + block * x_height * x_width * V,
                        tile / wide * 4 - pad_top, tile % wide * 4 - pad_left, x_height, x_width,
                        planes + (block * each + i) * V, pitch);
            }
        for (int group = task % parts; group * NB < y_blocks; group += parts) {
            const int first = min(group * NB, y_blocks - NB);
            for (int plane = 0; plane < 36; plane++) {
                __global const float *w = weights + weights_at + (first * 36 + plane) * steps * V;
                for (int tile = 0; tile * T < each; tile++) {
                    const int at = min(tile * T, each - T);
                    VEC sum[NB][T];
                    #pragma unroll
                    for (int n = 0; n < NB; n++)
                        #pragma unroll
                        for (int t = 0; t < T; t++) sum[n][t] = 0.0f;
                    ADD_PRODUCTS(sum, planes + plane * pitch + at * V, offsets + offsets_at, x_blocks, w, 36 * steps,
                                 w + (V + tile * AHEAD) * steps);
                    #pragma unroll
                    for (int n = 0; n < NB; n++)
                        #pragma unroll
                        for (int t = 0; t < T; t++)
                            PUT_LANES(sum[n][t], products + (n * 36 + plane) * product_pitch + (at + t) * V);
                }
            }
            for (int n = 0; n < NB; n++)
                for (int i = 0; i < each; i++) {
                    const int tile = (begin + i) % area;
                    TILE_OUT(products + n * 36 * product_pitch + i * V, product_pitch, (begin + i) / area,
                             (first + n) * V, tile / wide * 4, tile % wide * 4);
                }
        }
    }
}
