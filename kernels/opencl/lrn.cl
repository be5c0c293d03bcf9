// Local response normalisation across channels: y = x / (bias + scale * sum of squares in the window)^beta,
// the window from `before` channels in front of a channel to `after` behind it. Every work-item does one
// block of one pixel after another; windows reach into the neighbouring blocks. PIXELS at a time, so that on CPUs all
// squares have reached memory before vectors of them are read across their edges.
#if POWER == 50
#define INVERSE_POWER(v) (1.0f / sqrt(v))
#elif POWER == 75
#define INVERSE_POWER(v) (1.0f / (sqrt(v) * sqrt(sqrt(v))))
#elif POWER == 100
#define INVERSE_POWER(v) (1.0f / (v))
#else
#define INVERSE_POWER(v) exp(-beta * log(v))
#endif

#if PIXELS > 1  // a CPU's vector anywhere: vload and vstore are calls there that PoCL leaves calls
typedef struct __attribute__((packed)) { VEC lanes; } Anywhere;
#define SQUARES(p) (((const Anywhere *)(p))->lanes)
#define PUT_SQUARES(v, p) (((Anywhere *)(p))->lanes = (v))
#else
#define SQUARES(p) LOAD(p)
#define PUT_SQUARES(v, p) STORE(v, p)
#endif

__kernel void lrn(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                  int span, int area, int channels, int x_image, int y_image, float scale, float bias, float beta)
{
    const int block = get_global_id(1), image = get_global_id(2), plane = area * BLOCK;
    x += x_at + image * x_image;
    y += y_at + image * y_image + block * plane;
    const int first = get_global_id(0) * span, end = min(first + span, area);
    for (int begin = first; begin < end; begin += PIXELS) {
        const int count = min(PIXELS, end - begin);
        float square[PIXELS][BEFORE + BLOCK + AFTER];
        for (int k = 0; k < count; k++) {
            const int pixel = (begin + k) * BLOCK;
            #pragma unroll
            for (int lane = 0; lane < BLOCK; lane += V) {
                const VEC v = LANES(x + block * plane + pixel + lane);
                PUT_SQUARES(v * v, square[k] + BEFORE + lane);
            }
            for (int i = channels - block * BLOCK; i < BLOCK; i++) square[k][BEFORE + i] = 0.0f;  // spare lanes
            #pragma unroll
            for (int i = 0; i < BEFORE + AFTER; i++) {
                const int lane = i < BEFORE ? i - BEFORE : i - BEFORE + BLOCK, channel = block * BLOCK + lane;
                float v = 0.0f;
                if (channel >= 0 && channel < channels) v = x[channel / BLOCK * plane + pixel + channel % BLOCK];
                square[k][BEFORE + lane] = v * v;
            }
        }
        for (int k = 0; k < count; k++) {
            const int pixel = (begin + k) * BLOCK;
            #pragma unroll
            for (int lane = 0; lane < BLOCK; lane += V) {
                VEC sum = SQUARES(square[k] + lane);
                #pragma unroll
                for (int i = 1; i < BEFORE + AFTER + 1; i++) sum += SQUARES(square[k] + lane + i);
                const VEC base = bias + scale * sum;
                PUT_LANES(LANES(x + block * plane + pixel + lane) * INVERSE_POWER(base), y + pixel + lane);
            }
        }
    }
}
