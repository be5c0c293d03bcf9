// y[m][n] = activation(sum of a[m][k] * panels[n / PANEL][k][n % PANEL], + bias): ROWS rows and one panel of
// PANEL columns per work-group, for every image. Its items split the panel's columns, V each, and the reduction, SLICES
// ways, a power of two.
#define SHARE (PANEL / V)
__kernel __attribute__((reqd_work_group_size(SHARE * SLICES, 1, 1)))
void gemm(__global const float *restrict a, int a_at, __global const float *restrict panels, int panels_at,
          __global const float *restrict bias, int bias_at, __global float *restrict y, int y_at CHAIN_POINTERS,
          int rows, int columns, int depth, int a_row, int a_column, int bias_row, int a_image, int panels_image,
          float low, float high, float slope CHAIN_NUMBERS)
{
#if SLICES > 1
    __local VEC parts[ROWS][SHARE * SLICES / 2];
#endif
    const int item = get_local_id(0), lane = item % SHARE * V, slice = item / SHARE;
    const int panel = get_group_id(0), row0 = get_group_id(1) * ROWS, image = get_group_id(2);
    panels += panels_at + image * panels_image + panel * depth * PANEL + lane;
    a += a_at + image * a_image;
    y += y_at + image * rows * columns;
    VEC sum[ROWS];
    int from[ROWS];
    #pragma unroll
    for (int i = 0; i < ROWS; i++) {
        sum[i] = 0.0f;
        from[i] = min(row0 + i, rows - 1) * a_row;
    }
    #pragma unroll 4
    for (int k = slice; k < depth; k += SLICES) {
        const VEC weight = LANES(panels + k * PANEL);
        #pragma unroll
        for (int i = 0; i < ROWS; i++) sum[i] += a[from[i] + k * a_column] * weight;
    }
#if SLICES > 1
    for (int left = SLICES / 2; left > 0; left /= 2) {  // the upper half of the slices left hands over its sums
        if (slice >= left && slice < 2 * left)
            #pragma unroll
            for (int i = 0; i < ROWS; i++) parts[i][item - left * SHARE] = sum[i];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (slice < left)
            #pragma unroll
            for (int i = 0; i < ROWS; i++) sum[i] += parts[i][item];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (slice > 0) return;
#endif
    for (int i = 0; i < ROWS && row0 + i < rows; i++) {
        VEC value = sum[i] + LANES(bias + bias_at + (row0 + i) * bias_row + panel * PANEL + lane);
        value = ACTIVATE(value);
        CHAIN(value, 0, panel * PANEL + lane, 0);
        for (int j = 0; j < V && panel * PANEL + lane + j < columns; j++)
            y[(row0 + i) * columns + panel * PANEL + lane + j] = ((const float *)&value)[j];
    }
}

// b, with strides by image, row and column and times `factor`, as panels [panel][depth][PANEL]; zeros beyond the columns.
__kernel void pack(__global const float *restrict b, int b_at, __global float *restrict panels, int panels_at,
                   int depth, int columns, int b_image, int b_row, int b_column, float factor)
{
    const int row = get_global_id(0) / PANEL, lane = get_global_id(0) % PANEL;
    const int panel = get_global_id(1), image = get_global_id(2), column = panel * PANEL + lane;
    if (row >= depth) return;
    const int from = b_at + image * b_image + row * b_row + column * b_column;
    panels[panels_at + ((image * get_global_size(1) + panel) * depth + row) * PANEL + lane]
        = column < columns ? b[from] * factor : 0.0f;
}
