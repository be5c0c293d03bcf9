// Winograd's F(4x4, 3x3), V lanes of one tile at a time: inputs to 36 planes, and 36 planes' products to outputs.
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

// The tile of a block's image that begins at (top, left), to planes that lie `pitch` floats apart.
void tile_in(__global const float *x, int top, int left, int height, int width, __global float *planes, int pitch)
{
    VEC half_done[6][6], line[6];
    #pragma unroll
    for (int j = 0; j < 6; j++) {
        const int w = left + j;
        #pragma unroll
        for (int i = 0; i < 6; i++) {
            const int h = top + i, inside = h >= 0 && h < height && w >= 0 && w < width;
            line[i] = inside ? LANES(x + (h * width + w) * BLOCK) : (VEC)(0.0f);
        }
        FORWARD(half_done[j], line[0], line[1], line[2], line[3], line[4], line[5]);
    }
    #pragma unroll
    for (int i = 0; i < 6; i++) {
        FORWARD(line, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i], half_done[4][i],
                half_done[5][i]);
        #pragma unroll
        for (int j = 0; j < 6; j++) PUT_LANES(line[j], planes + (i * 6 + j) * pitch);
    }
}

// The 36 planes at `planes`, `pitch` floats apart, to those of a tile's 16 outputs that lie inside the image: the tile
// begins at (top, left), its V channels at `channel`. Names that are no arguments are the kernel's, or end in _.
#define TILE_OUT(planes, pitch, image, channel, top, left)                                                             \
    do {                                                                                                               \
        __global const float *planes_ = planes;                                                                        \
        const int image_ = image, channel_ = channel, top_ = top, left_ = left;                                        \
        const int begin_ = channel_ / BLOCK * height * width * BLOCK + channel_ % BLOCK;                               \
        const VEC bias_ = LANES(bias + bias_at + channel_);                                                            \
        VEC half_done_[6][4], line_[6];                                                                                \
        UNROLLED for (int j_ = 0; j_ < 6; j_++) {                                                                      \
            UNROLLED for (int i_ = 0; i_ < 6; i_++) line_[i_] = LANES(planes_ + (i_ * 6 + j_) * (pitch));              \
            BACKWARD(half_done_[j_], line_[0], line_[1], line_[2], line_[3], line_[4], line_[5]);                      \
        }                                                                                                              \
        UNROLLED for (int i_ = 0; i_ < 4; i_++) {                                                                      \
            if (top_ + i_ >= height) continue;                                                                         \
            BACKWARD(line_, half_done_[0][i_], half_done_[1][i_], half_done_[2][i_], half_done_[3][i_],                \
                     half_done_[4][i_], half_done_[5][i_]);                                                            \
            UNROLLED for (int j_ = 0; j_ < 4; j_++) {                                                                  \
                if (left_ + j_ >= width) continue;                                                                     \
                const int at_ = begin_ + ((top_ + i_) * width + left_ + j_) * BLOCK;                                   \
                VEC value_ = line_[j_] + bias_;                                                                        \
                if (RESIDUAL) value_ += LANES(residual + residual_at + image_ * residual_image + at_);                 \
                value_ = ACTIVATE(value_);                                                                             \
                CHAIN(value_, image_, channel_, at_);                                                                  \
                PUT_LANES(value_, y + y_at + image_ * y_image + at_);                                                  \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)
