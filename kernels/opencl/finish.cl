// The second pass of a split reduction: the parts' sum, bias, residual, activation, chain. Jobs come from a table.
enum {
    PARTS_AT = 2, BIAS_AT, RESIDUAL_AT, Y_AT, CHAIN_AT, COUNT = CHAIN_AT + CHAIN_OPERANDS, SPLITS, AREA, BLOCKS, Y_IMAGE,
    RESIDUAL, RESIDUAL_IMAGE, LOW, HIGH, SLOPE, FIELDS
};

__kernel void finish(__global const float *restrict parts, __global const float *restrict bias,
                     __global const float *restrict residual, __global float *restrict y CHAIN_BASES,
                     __global const int *restrict table)
{
    int group = get_group_id(0);
    __global const int *restrict job = find_job(table, FIELDS + CHAIN_WORDS, &group);
    CHAIN_FIELDS(job + CHAIN_AT, job + FIELDS)
    const int count = job[COUNT], area = job[AREA], image_size = job[BLOCKS] * area * BLOCK;
    const int at = (group * (int)get_local_size(0) + (int)get_local_id(0)) * 4;
    if (at >= count) return;
    const int image = at / image_size, rest = at % image_size;
    const float low = as_float(job[LOW]), high = as_float(job[HIGH]), slope = as_float(job[SLOPE]);
    const int channel = rest / (area * BLOCK) * BLOCK + rest % BLOCK;
    float4 value = vload4(0, bias + job[BIAS_AT] + channel);
    for (int split = 0; split < job[SPLITS]; split++) value += vload4(0, parts + job[PARTS_AT] + split * count + at);
    if (job[RESIDUAL]) value += vload4(0, residual + job[RESIDUAL_AT] + image * job[RESIDUAL_IMAGE] + rest);
    value = ACTIVATE(value);
    CHAIN(value, image, channel, rest);
    vstore4(value, 0, y + job[Y_AT] + image * job[Y_IMAGE] + rest);
}
