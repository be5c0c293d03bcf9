// Winograd's F(4x4, 3x3) on blocked images: tiles of inputs to 36 planes and back. A work-item does `span` tiles of V of
// a block's lanes, one after another. Planes lie as [36][block][tile][BLOCK]; `tiles` counts those of all images, a row
// of an image has `wide`, the image `area`.
#define FORWARD(t, s0, s1, s2, s3, s4, s5) \
    t[0] = 4.0f * s0 - 5.0f * s2 + s4;             \
    t[1] = s4 + s3 - 4.0f * (s2 + s1);             \
    t[2] = s4 - s3 - 4.0f * (s2 - s1);             \
    t[3] = s4 - s2 + 2.0f * (s3 - s1);             \
    t[4] = s4 - s2 - 2.0f * (s3 - s1);             \
    t[5] = 4.0f * s1 - 5.0f * s3 + s5;
#define BACKWARD(t, s0, s1, s2, s3, s4, s5) \
    t[0] = s0 + (s1 + s2) + (s3 + s4);             \
    t[1] = (s1 - s2) + 2.0f * (s3 - s4);           \
    t[2] = (s1 + s2) + 4.0f * (s3 + s4);           \
    t[3] = (s1 - s2) + 8.0f * (s3 - s4) + s5;
#define PARTS (BLOCK / V)

__kernel void winograd_in(__global const float *restrict x, int x_at, __global float *restrict planes, int planes_at,
                          int span, int area, int wide, int height, int width, int blocks, int tiles, int x_image,
                          int pad_top, int pad_left)
{
    const int block = get_global_id(1), image = get_global_id(2);
    const int first = get_global_id(0) * span, end = min(first + span, area * PARTS);
    x += x_at + image * x_image + block * height * width * BLOCK;
    planes += planes_at + (block * tiles + image * area) * BLOCK;
    for (int item = first; item < end; item++) {
        const int tile = item / PARTS, lane = item % PARTS * V;
        const int top = tile / wide * 4 - pad_top, left = tile % wide * 4 - pad_left;
        VEC half_done[6][6], line[6];
        #pragma unroll
        for (int j = 0; j < 6; j++) {
            const int w = left + j;
            #pragma unroll
            for (int i = 0; i < 6; i++) {
                const int h = top + i, inside = h >= 0 && h < height && w >= 0 && w < width;
                line[i] = inside ? LANES(x + (h * width + w) * BLOCK + lane) : (VEC)(0.0f);
            }
            FORWARD(half_done[j], line[0], line[1], line[2], line[3], line[4], line[5]);
        }
        #pragma unroll
        for (int i = 0; i < 6; i++) {
            FORWARD(line, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i], half_done[4][i],
                    half_done[5][i]);
            #pragma unroll
            for (int j = 0; j < 6; j++) PUT_LANES(line[j], planes + (i * 6 + j) * blocks * tiles * BLOCK + item * V);
        }
    }
}

__kernel void winograd_out(__global const float *restrict planes, int planes_at, __global const float *restrict bias,
                           int bias_at, __global const float *restrict residual, int residual_at,
                           __global float *restrict y, int y_at CHAIN_POINTERS, int span, int area, int wide, int height,
                           int width, int blocks, int tiles, int y_image, int residual_image, float low, float high,
                           float slope CHAIN_NUMBERS)
{
    const int block = get_global_id(1), image = get_global_id(2);
    const int first = get_global_id(0) * span, end = min(first + span, area * PARTS);
    planes += planes_at + (block * tiles + image * area) * BLOCK;
    for (int item = first; item < end; item++) {
        const int tile = item / PARTS, lane = item % PARTS * V, channel = block * BLOCK + lane;
        const int top = tile / wide * 4, left = tile % wide * 4;
        const VEC b = LANES(bias + bias_at + channel);
        VEC half_done[6][4], line[6];
        #pragma unroll
        for (int j = 0; j < 6; j++) {
            #pragma unroll
            for (int i = 0; i < 6; i++) line[i] = LANES(planes + (i * 6 + j) * blocks * tiles * BLOCK + item * V);
            BACKWARD(half_done[j], line[0], line[1], line[2], line[3], line[4], line[5]);
        }
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            if (top + i >= height) continue;
            BACKWARD(line, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i], half_done[4][i],
                     half_done[5][i]);
            #pragma unroll
            for (int j = 0; j < 4; j++) {
                if (left + j >= width) continue;
                const int at = ((block * height + top + i) * width + left + j) * BLOCK + lane;
                VEC value = line[j] + b;
#if RESIDUAL
                value += LANES(residual + residual_at + image * residual_image + at);
#endif
                value = ACTIVATE(value);
                CHAIN(value, image, channel, at);
                PUT_LANES(value, y + y_at + image * y_image + at);
            }
        }
    }
}
