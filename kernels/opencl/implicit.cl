// Implicit matrix product for SIMT devices: a work-group computes BM pixels x BN channels, each of its items
// TM x TN of them, from slabs of SLAB inputs that pass through local memory, two buffers in turn.
// taps[slab] (blocked input) or taps[slab * SLAB + k] (PLAIN) is (offset of the channel, row, column, 0).
#define ITEMS ((BM / TM) * (BN / TN))
#define A_PARTS ((BM * SLAB / A_WIDTH + ITEMS - 1) / ITEMS)
#define B_PARTS ((BN * SLAB / 4 + ITEMS - 1) / ITEMS)
#if PLAIN
#define A_WIDTH 1
#define A_VEC float
#else
#define A_WIDTH 4
#define A_VEC float4
#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void implicit(__global const float *restrict x, int x_at, __global const float *restrict weights, int weights_at,
              __global const int4 *restrict taps, int taps_at, __global const int *restrict starts, int starts_at,
              __global const float *restrict bias, int bias_at, __global const float *restrict residual,
              int residual_at, __global float *restrict y, int y_at,
              int pixels, int height, int width, int blocks, int slabs, int slabs_each, int x_height, int x_width,
              int x_image, int y_image, int y_split, int residual_image, float low, float high, float slope)
{
    __local float a_local[2][SLAB][BM + 4];
    __local float b_local[2][SLAB][BN];
    const int item = get_local_id(0), item_m = item % (BM / TM), item_n = item / (BM / TM);
    const int pixel0 = get_group_id(0) * BM, block0 = get_group_id(1) * (BN / BLOCK);
    const int first = get_group_id(2) * slabs_each, last = min(slabs, first + slabs_each);
    const int area = height * width;
    taps += taps_at / 4;
    x += x_at + starts[starts_at + block0] * x_height * x_width * BLOCK;
    weights += weights_at;

    // where each of this item's pixels begins in the input: the same in every slab
    int from[A_PARTS], top[A_PARTS], left[A_PARTS];
    #pragma unroll
    for (int i = 0; i < A_PARTS; i++) {
        const int pixel = pixel0 + (item + i * ITEMS) / (SLAB / A_WIDTH);
        const int image = pixel / area, rest = pixel % area;
        from[i] = image * x_image;
        top[i] = pixel < pixels ? rest / width * STRIDE_H - PAD_TOP : -(1 << 21);  // above every image, for every tap
        left[i] = rest % width * STRIDE_W - PAD_LEFT;
    }
    float sum[TM][TN];
    #pragma unroll
    for (int i = 0; i < TM; i++)
        #pragma unroll
        for (int j = 0; j < TN; j++) sum[i][j] = 0.0f;

    for (int slab = first; slab <= last; slab++) {
        A_VEC a_next[A_PARTS];
        float4 b_next[B_PARTS];
        if (slab < last) {  // on its way while the slab before is computed
            #pragma unroll
            for (int i = 0; i < A_PARTS; i++) {
                const int part = (item + i * ITEMS) % (SLAB / A_WIDTH) * A_WIDTH;
                const int4 tap = taps[PLAIN ? slab * SLAB + part : slab];
                const int row = top[i] + tap.y, column = left[i] + tap.z;
                const int inside = row >= 0 && row < x_height && column >= 0 && column < x_width;
                const int at = from[i] + tap.x + (row * x_width + column) * (PLAIN ? 1 : BLOCK) + (PLAIN ? 0 : part);
                a_next[i] = inside ? *(__global const A_VEC *)(x + at) : (A_VEC)(0.0f);
            }
            #pragma unroll
            for (int i = 0; i < B_PARTS; i++) {
                const int part = item + i * ITEMS, block = block0 + part / (SLAB * BLOCK / 4);
                const int at = (block * slabs + slab) * SLAB * BLOCK + part % (SLAB * BLOCK / 4) * 4;
                b_next[i] = part < BN * SLAB / 4 && block < blocks ? vload4(0, weights + at) : (float4)(0.0f);
            }
        }
        if (slab > first) {
            const int now = (slab - 1) & 1;
            #pragma unroll
            for (int k = 0; k < SLAB; k++) {
                float a[TM], b[TN];
                #pragma unroll
                for (int i = 0; i < TM; i++) a[i] = a_local[now][k][item_m * TM + i];
                #pragma unroll
                for (int j = 0; j < TN; j++) b[j] = b_local[now][k][item_n * TN + j];
                #pragma unroll
                for (int i = 0; i < TM; i++)
                    #pragma unroll
                    for (int j = 0; j < TN; j++) sum[i][j] += a[i] * b[j];
            }
        }
        if (slab < last) {
            const int next = slab & 1;
            #pragma unroll
            for (int i = 0; i < A_PARTS; i++) {
                const int part = item + i * ITEMS, pixel = part / (SLAB / A_WIDTH);
                const int k = part % (SLAB / A_WIDTH) * A_WIDTH;
                if (pixel < BM) {
#if PLAIN
                    a_local[next][k][pixel] = a_next[i];
#else
                    a_local[next][k][pixel] = a_next[i].x;
                    a_local[next][k + 1][pixel] = a_next[i].y;
                    a_local[next][k + 2][pixel] = a_next[i].z;
                    a_local[next][k + 3][pixel] = a_next[i].w;
#endif
                }
            }
            #pragma unroll
            for (int i = 0; i < B_PARTS; i++) {
                const int part = item + i * ITEMS, rest = part % (SLAB * BLOCK / 4);
                const int channel = part / (SLAB * BLOCK / 4) * BLOCK + rest % (BLOCK / 4) * 4;
                if (part < BN * SLAB / 4) vstore4(b_next[i], 0, &b_local[next][rest / (BLOCK / 4)][channel]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    #pragma unroll
    for (int i = 0; i < TM; i++) {
        const int pixel = pixel0 + item_m * TM + i;
        if (pixel >= pixels) continue;
        const int image = pixel / area, rest = pixel % area;
        #pragma unroll
        for (int j = 0; j < TN; j += 4) {
            const int channel = item_n * TN + j, block = block0 + channel / BLOCK;
            if (block >= blocks) continue;
            const int at = (block * area + rest) * BLOCK + channel % BLOCK;
            float4 value = (float4)(sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]);
#if !SPLIT
            value += vload4(0, bias + bias_at + block * BLOCK + channel % BLOCK);
#if RESIDUAL
            value += vload4(0, residual + residual_at + image * residual_image + at);
#endif
            value = ACTIVATE(value);
#endif
            vstore4(value, 0, y + y_at + get_group_id(2) * y_split + image * y_image + at);
        }
    }
}

// The second pass of a split reduction: the parts' sum, bias, residual, activation.
__kernel void finish(__global const float *restrict parts, int parts_at, __global const float *restrict bias,
                     int bias_at, __global const float *restrict residual, int residual_at, __global float *restrict y,
                     int y_at, int count, int splits, int area, int blocks, int y_image, int residual_image,
                     float low, float high, float slope)
{
    const int image_size = blocks * area * BLOCK, at = get_global_id(0) * 4;
    if (at >= count) return;
    const int image = at / image_size, rest = at % image_size;
    float4 value = vload4(0, bias + bias_at + rest / (area * BLOCK) * BLOCK + rest % BLOCK);
    for (int split = 0; split < splits; split++) value += vload4(0, parts + parts_at + split * count + at);
#if RESIDUAL
    value += vload4(0, residual + residual_at + image * residual_image + rest);
#endif
    vstore4(ACTIVATE(value), 0, y + y_at + image * y_image + rest);
}
