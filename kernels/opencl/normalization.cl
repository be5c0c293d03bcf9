// The numbers of a row made of mean zero and variance one, then scaled and shifted: a group of ITEMS items per row.
// Scales and shifts lie as [group][channel]; a row's channels have `area` numbers each.
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void normalize_rows(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                    __global const float *restrict scales, int scales_at, __global const float *restrict shifts,
                    int shifts_at, int length, int groups, int channels, int area, float epsilon)
{
    __local float parts[ITEMS];
    const int item = get_local_id(0), row = get_group_id(0), first = row % groups * channels;
    x += x_at + row * length;
    y += y_at + row * length;
    float sum = 0.0f;
    for (int i = item; i < length; i += ITEMS) sum += x[i];
    parts[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0.0f;
    for (int i = 0; i < ITEMS; i++) sum += parts[i];
    const float mean = sum / length;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0.0f;
    for (int i = item; i < length; i += ITEMS) sum += (x[i] - mean) * (x[i] - mean);
    parts[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0.0f;
    for (int i = 0; i < ITEMS; i++) sum += parts[i];
    const float factor = 1.0f / sqrt(sum / length + epsilon);
    for (int i = item; i < length; i += ITEMS) {
        const int channel = first + i / area;
        y[i] = (x[i] - mean) * factor * scales[scales_at + channel] + shifts[shifts_at + channel];
    }
}
