// Winograd's F(4x4, 3x3) on SIMT devices: tiles of inputs to 36 planes and back. A work-item does V of a block's lanes of
// one tile. Planes lie as [36][block][tile][BLOCK]; `tiles` counts those of all images, a row of an image has `wide`, the
// image `area`.
#define PARTS (BLOCK / V)

__kernel void winograd_in(__global const float *restrict x, int x_at, __global float *restrict planes, int planes_at,
                          int area, int wide, int height, int width, int blocks, int tiles, int x_image,
                          int pad_top, int pad_left)
{
    const int item = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    const int tile = item / PARTS, lane = item % PARTS * V;
    if (tile >= area) return;
    tile_in(x + x_at + image * x_image + block * height * width * BLOCK + lane, tile / wide * 4 - pad_top,
            tile % wide * 4 - pad_left, height, width,
            planes + planes_at + (block * tiles + image * area) * BLOCK + item * V, blocks * tiles * BLOCK);
}

__kernel void winograd_out(__global const float *restrict planes, int planes_at, __global const float *restrict bias,
                           int bias_at, __global const float *restrict residual, int residual_at,
                           __global float *restrict y, int y_at CHAIN_POINTERS, int area, int wide, int height,
                           int width, int blocks, int tiles, int y_image, int residual_image, float low, float high,
                           float slope CHAIN_NUMBERS)
{
    const int item = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    const int tile = item / PARTS, lane = item % PARTS * V;
    if (tile >= area) return;
    TILE_OUT(planes + planes_at + (block * tiles + image * area) * BLOCK + item * V, blocks * tiles * BLOCK, image,
             block * BLOCK + lane, tile / wide * 4, tile % wide * 4);
}
