// Implicit matrix product for SIMT devices: a work-group computes BM pixels x BN channels from slabs of SLAB inputs
// that pass through local memory. SLICES teams of items share the reduction between them, each item holding TM x TN of
// the tile; their sums are added at the end. BUFFERS 2: a slab is stored while the one before is read.
// Blocked input: a slab is one tap of one input block. PLAIN: any SLAB taps (offset of the channel, row, column, 0).
// WINDOW_H, WINDOW_W: the input is what a depthwise convolution of that window makes of x, or 0, 0: it is x; then strides,
// dilations and pads are that one's.
// Jobs come from a table (see prelude.cl). Few arguments make a launch cheap, so all constants are one: weights, bias,
// `tables` (the taps if PLAIN; of grouped convolutions, for every output block its first input block), and `filters`
// (bias and weights of the depthwise convolution, [block][1 + window][BLOCK]).
#define TEAM ((BM / TM) * (BN / TN))
#define ITEMS (TEAM * SLICES)
#define A_ROW (SLAB / 4 + 1)
#define A_SIZE (BM * A_ROW)
#define SLAB_SIZE (A_SIZE + SLAB * BN / 4)
#define SLABS_SIZE (BUFFERS * SLICES * SLAB_SIZE)
#define SUMS_SIZE (SLICES > 1 ? SLICES * BM * BN / 4 : 0)
#define LOCAL_SIZE (SLABS_SIZE > SUMS_SIZE ? SLABS_SIZE : SUMS_SIZE)
#define A_WIDTH (PLAIN ? 1 : 4)
#define A_PARTS ((BM * SLAB / A_WIDTH + TEAM - 1) / TEAM)
#define B_PARTS ((BN * SLAB / 4 + TEAM - 1) / TEAM)
#if PLAIN
#define A_VEC float
#define A_PIXEL(part) ((part) % BM)
#define A_INPUT(part) ((part) / BM)
#else
#define A_VEC float4
#define A_PIXEL(part) ((part) / (SLAB / 4))
#define A_INPUT(part) ((part) % (SLAB / 4) * 4)
#endif
#define WINDOW (WINDOW_H * WINDOW_W)
#define COLUMN(j) ((j) * (BN / (TN / 4)) + column * 4)

enum {
    X_AT = 2, CONSTANTS_AT, RESIDUAL_AT, Y_AT, CHAIN_AT, BIAS = CHAIN_AT + CHAIN_OPERANDS, TABLES, FILTERS, PIXELS, HEIGHT, WIDTH, BLOCKS, SLABS, SLABS_EACH,
    X_HEIGHT, X_WIDTH, X_IMAGE, Y_IMAGE, Y_SPLIT, SPLIT, RESIDUAL, RESIDUAL_IMAGE, GROUPED, KERNEL_H, KERNEL_W,
    STRIDE_H, STRIDE_W, DILATION_H, DILATION_W, PAD_TOP, PAD_LEFT, LOW, HIGH, SLOPE, X_LOW, X_HIGH, X_SLOPE, FIELDS
};

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void implicit(__global const float *restrict x, __global const float *restrict constants,
              __global const float *restrict residual, __global float *restrict y CHAIN_BASES,
              __global const int *restrict table)
{
    __local float4 local_memory[LOCAL_SIZE];
    int group = get_group_id(0);
    __global const int *restrict job = find_job(table, FIELDS + CHAIN_WORDS, &group);
    CHAIN_FIELDS(job + CHAIN_AT, job + FIELDS)
    const int pixel0 = group % job[0] * BM, block0 = group / job[0] % job[1] * (BN / BLOCK);
    const int split = group / job[0] / job[1];
    const int item = get_local_id(0), slice = item / TEAM, member = item % TEAM;
    const int column = member % (BN / TN), row0 = member / (BN / TN);
    const int pixels = job[PIXELS], width = job[WIDTH], area = job[HEIGHT] * width, blocks = job[BLOCKS];
    const int slabs = job[SLABS], slabs_each = job[SLABS_EACH], x_height = job[X_HEIGHT], x_width = job[X_WIDTH];
    const int x_image = job[X_IMAGE], y_image = job[Y_IMAGE], stride_h = job[STRIDE_H], stride_w = job[STRIDE_W];
    const int pad_top = job[PAD_TOP], pad_left = job[PAD_LEFT], part_only = job[SPLIT], added = job[RESIDUAL];
    const float low = as_float(job[LOW]), high = as_float(job[HIGH]), slope = as_float(job[SLOPE]);
    const int first = (split * SLICES + slice) * slabs_each, last = min(slabs, first + slabs_each);
    x += job[X_AT];
    __global const float *restrict weights = constants + job[CONSTANTS_AT];

    // where each of this item's pixels begins in the input: the same in every slab
    int from[A_PARTS], top[A_PARTS], left[A_PARTS];
    #pragma unroll
    for (int i = 0; i < A_PARTS; i++) {
        const int pixel = pixel0 + A_PIXEL(member + i * TEAM);
        const int image = pixel / area, rest = pixel % area;
        from[i] = image * x_image;
        top[i] = pixel < pixels ? rest / width * stride_h - pad_top : -(1 << 21);  // above every image, for every tap
        left[i] = rest % width * stride_w - pad_left;
    }
#if !PLAIN
    const int dilation_h = job[DILATION_H], dilation_w = job[DILATION_W], plane = x_height * x_width * BLOCK;
#endif
#if !PLAIN && !WINDOW
    const int kernel_h = job[KERNEL_H], kernel_w = job[KERNEL_W];
    int tap_w = first % kernel_w, tap_h = first / kernel_w % kernel_h;
    int depth = first / kernel_w / kernel_h + (job[GROUPED] ? ((__global const int *)(weights + job[TABLES]))[block0] : 0);
#endif
#if WINDOW
    const float x_low = as_float(job[X_LOW]), x_high = as_float(job[X_HIGH]), x_slope = as_float(job[X_SLOPE]);
    __global const float *restrict filters = weights + job[FILTERS];
#endif
    float4 sum[TM][TN / 4];
    #pragma unroll
    for (int i = 0; i < TM; i++)
        #pragma unroll
        for (int j = 0; j < TN / 4; j++) sum[i][j] = 0.0f;

    for (int step = 0; step <= slabs_each; step++) {
        const int slab = first + step;
        A_VEC a_next[A_PARTS];
        float4 b_next[B_PARTS];
        if (step < slabs_each) {  // on its way while the slab before is computed
            #pragma unroll
            for (int i = 0; i < A_PARTS; i++) {
                const int part = A_INPUT(member + i * TEAM);
#if WINDOW
                __global const float *filter = filters + min(slab, slabs - 1) * (1 + WINDOW) * BLOCK + part;
                float4 value = *(__global const float4 *)filter;
                #pragma unroll
                for (int h = 0; h < WINDOW_H; h++) {
                    const int row = top[i] + h * dilation_h, in_row = (slab < last) & ((uint)row < (uint)x_height);
                    __global const float *line = x + (in_row ? from[i] + slab * plane + row * x_width * BLOCK : 0) + part;
                    float4 read[WINDOW_W];
                    #pragma unroll
                    for (int w = 0; w < WINDOW_W; w++)
                        read[w] = *(__global const float4 *)(line + clamp(left[i] + w * dilation_w, 0, x_width - 1) * BLOCK);
                    #pragma unroll
                    for (int w = 0; w < WINDOW_W; w++) {
                        const int inside = in_row & ((uint)(left[i] + w * dilation_w) < (uint)x_width);
                        const float4 weight = *(__global const float4 *)(filter + (1 + h * WINDOW_W + w) * BLOCK);
                        value += (inside ? read[w] : (float4)(0.0f)) * weight;
                    }
                }
                a_next[i] = CLAMP(value, x_low, x_high, x_slope);
#else
#if PLAIN
                const int4 tap = as_int4(vload4(min(slab, slabs - 1) * SLAB + part, weights + job[TABLES]));
                const int row = top[i] + tap.y, place = left[i] + tap.z;
                const int at = from[i] + tap.x + row * x_width + place;
#else
                const int row = top[i] + tap_h * dilation_h, place = left[i] + tap_w * dilation_w;
                const int at = from[i] + depth * plane + (row * x_width + place) * BLOCK + part;
#endif
                // loads that nothing branches around are all under way at once: no &&
                const int inside = (slab < last) & ((uint)row < (uint)x_height) & ((uint)place < (uint)x_width);
                const A_VEC value = *(__global const A_VEC *)(x + (inside ? at : 0));
                a_next[i] = inside ? value : (A_VEC)(0.0f);
#endif
            }
            #pragma unroll
            for (int i = 0; i < B_PARTS; i++) {
                const int part = member + i * TEAM, block = block0 + part / (SLAB * BLOCK / 4);
                const int at = (block * slabs + slab) * SLAB * BLOCK + part % (SLAB * BLOCK / 4) * 4;
                const int inside = part < BN * SLAB / 4 && block < blocks && slab < last;
                b_next[i] = *(__global const float4 *)(weights + (inside ? at : 0));
            }
#if !PLAIN && !WINDOW
            if (++tap_w == kernel_w) {
                tap_w = 0;
                if (++tap_h == kernel_h) tap_h = 0, depth++;
            }
#endif
        }
        if (step > 0 && slab <= last) {
            __local const float4 *a_now = local_memory + ((step - 1) % BUFFERS * SLICES + slice) * SLAB_SIZE;
            __local const float4 *b_now = a_now + A_SIZE;
            #pragma unroll
            for (int k = 0; k < SLAB; k += 4) {
                float4 a[TM];
                #pragma unroll
                for (int i = 0; i < TM; i++) a[i] = a_now[(row0 + i * (BM / TM)) * A_ROW + k / 4];
                #pragma unroll
                for (int j = 0; j < TN / 4; j++) {
                    const float4 b0 = b_now[(k * BN + COLUMN(j)) / 4], b1 = b_now[((k + 1) * BN + COLUMN(j)) / 4];
                    const float4 b2 = b_now[((k + 2) * BN + COLUMN(j)) / 4], b3 = b_now[((k + 3) * BN + COLUMN(j)) / 4];
                    #pragma unroll
                    for (int i = 0; i < TM; i++) {
                        sum[i][j] += a[i].x * b0;
                        sum[i][j] += a[i].y * b1;
                        sum[i][j] += a[i].z * b2;
                        sum[i][j] += a[i].w * b3;
                    }
                }
            }
        }
#if BUFFERS == 1
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
        if (step < slabs_each) {
            __local float4 *a_later = local_memory + (step % BUFFERS * SLICES + slice) * SLAB_SIZE;
            #pragma unroll
            for (int i = 0; i < A_PARTS; i++) {
                const int part = member + i * TEAM;
                if (part < BM * SLAB / A_WIDTH)
                    ((__local A_VEC *)a_later)[(A_PIXEL(part) * A_ROW * 4 + A_INPUT(part)) / A_WIDTH] = a_next[i];
            }
            #pragma unroll
            for (int i = 0; i < B_PARTS; i++) {
                const int part = member + i * TEAM, rest = part % (SLAB * BLOCK / 4);
                const int channel = part / (SLAB * BLOCK / 4) * BLOCK + rest % (BLOCK / 4) * 4;
                if (part < BN * SLAB / 4) a_later[A_SIZE + (rest / (BLOCK / 4) * BN + channel) / 4] = b_next[i];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#if SLICES > 1
    #pragma unroll
    for (int i = 0; i < TM; i++)
        #pragma unroll
        for (int j = 0; j < TN / 4; j++)
            local_memory[((slice * BM + row0 + i * (BM / TM)) * BN + COLUMN(j)) / 4] = sum[i][j];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int part = item; part < BM * BN / 4; part += ITEMS) {
        const int pixel = pixel0 + part / (BN / 4), channel = part % (BN / 4) * 4;
        float4 value = local_memory[part];
        #pragma unroll
        for (int i = 1; i < SLICES; i++) value += local_memory[i * (BM * BN / 4) + part];
#else
    #pragma unroll
    for (int part = 0; part < TM * TN / 4; part++) {
        const int pixel = pixel0 + row0 + part / (TN / 4) * (BM / TM), channel = COLUMN(part % (TN / 4));
        float4 value = sum[part / (TN / 4)][part % (TN / 4)];
#endif
        const int block = block0 + channel / BLOCK, image = pixel / area;
        const int at = (block * area + pixel % area) * BLOCK + channel % BLOCK;
        if (pixel < pixels && block < blocks) {
            __global float *to = y + job[Y_AT] + image * y_image + at;
            if (part_only) {
                *(__global float4 *)(to + split * job[Y_SPLIT]) = value;
            } else {
                value += *(__global const float4 *)(weights + job[BIAS] + block * BLOCK + channel % BLOCK);
                if (added)
                    value += *(__global const float4 *)(residual + job[RESIDUAL_AT] + image * job[RESIDUAL_IMAGE] + at);
                value = ACTIVATE(value);
                CHAIN(value, image, block0 * BLOCK + channel, at);
                *(__global float4 *)to = value;
            }
        }
    }
}
