// Softmax of rows of `length` values `inner` floats apart: a group of ITEMS items per row.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void softmax(__global const float *restrict x, int x_at, __global float *restrict y, int y_at, int length, int inner)
{
    __local float parts[ITEMS];
    const int item = get_local_id(0), row = get_group_id(0);
    const int at = row / inner * length * inner + row % inner;
    x += x_at + at;
    y += y_at + at;
    float largest = -MAXFLOAT;
    for (int i = item; i < length; i += ITEMS) largest = MAX(largest, x[i * inner]);
    parts[item] = largest;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < ITEMS; i++) largest = MAX(largest, parts[i]);
    float sum = 0.0f;
    for (int i = item; i < length; i += ITEMS) {
        const float value = exp(x[i * inner] - largest);
        y[i * inner] = value;
        sum += value;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    parts[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0.0f;
    for (int i = 0; i < ITEMS; i++) sum += parts[i];
    const float scale = 1.0f / sum;
    for (int i = item; i < length; i += ITEMS) y[i * inner] *= scale;
}
