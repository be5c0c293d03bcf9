// Winograd's F(4x4, 3x3) on blocked images: tiles of inputs to 36 planes of vectors and back. A work-item does a row
// of tiles of one block. Planes lie as [36][block][tile][V]; `tiles` counts those of all images.
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

__kernel void winograd_in(__global const float *restrict x, int x_at, __global float *restrict planes, int planes_at,
                          int high, int wide, int height, int width, int blocks, int tiles, int x_image, int top, int left)
{
    const int row = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    __global const float *from = x + x_at + image * x_image + block * height * width * V;
    __global float *to = planes + planes_at + (block * tiles + (image * high + row) * wide) * V;
    for (int column = 0; column < wide; column++, to += V) {
        VEC half_done[6][6], line[6];
        #pragma unroll
        for (int j = 0; j < 6; j++) {
            const int w = column * 4 - left + j;
            #pragma unroll
            for (int i = 0; i < 6; i++) {
                const int h = row * 4 - top + i;
                line[i] = h >= 0 && h < height && w >= 0 && w < width ? LANES(from + (h * width + w) * V) : (VEC)(0.0f);
            }
            FORWARD(half_done[j], line[0], line[1], line[2], line[3], line[4], line[5]);
        }
        #pragma unroll
        for (int i = 0; i < 6; i++) {
            FORWARD(line, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i], half_done[4][i],
                    half_done[5][i]);
            #pragma unroll
            for (int j = 0; j < 6; j++) PUT_LANES(line[j], to + (i * 6 + j) * blocks * tiles * V);
        }
    }
}

__kernel void winograd_out(__global const float *restrict planes, int planes_at, __global const float *restrict bias,
                           int bias_at, __global const float *restrict residual, int residual_at,
                           __global float *restrict y, int y_at CHAIN_POINTERS, int high, int wide, int height, int width,
                           int blocks, int tiles, int y_image, int residual_image, float low, float high_bound,
                           float slope CHAIN_NUMBERS)
{
    const int row = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    __global const float *from = planes + planes_at + (block * tiles + (image * high + row) * wide) * V;
    const VEC b = LANES(bias + bias_at + block * V);
    for (int column = 0; column < wide; column++, from += V) {
        VEC half_done[6][4], line[6];
        #pragma unroll
        for (int j = 0; j < 6; j++) {
            #pragma unroll
            for (int i = 0; i < 6; i++) line[i] = LANES(from + (i * 6 + j) * blocks * tiles * V);
            BACKWARD(half_done[j], line[0], line[1], line[2], line[3], line[4], line[5]);
        }
        for (int i = 0; i < 4 && row * 4 + i < height; i++) {
            BACKWARD(line, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i], half_done[4][i],
                     half_done[5][i]);
            for (int j = 0; j < 4 && column * 4 + j < width; j++) {
                const int at = ((block * height + row * 4 + i) * width + column * 4 + j) * V;
                VEC value = line[j] + b;
#if RESIDUAL
                value += LANES(residual + residual_at + image * residual_image + at);
#endif
                const float high = high_bound;
                value = ACTIVATE(value);
                CHAIN(value, image, block * V, at);
                PUT_LANES(value, y + y_at + image * y_image + at);
            }
        }
    }
}
