// Resampling: every output a weighted sum of TAPS x TAPS inputs, V of a pixel's BLOCK lanes at a time. `rows` and
// `columns` say which inputs, [output][tap], and with what weights.
__kernel void resize(__global const float *restrict x, int x_at, __global float *restrict y, int y_at,
                     __global const int *restrict rows, int rows_at, __global const float *restrict by_row,
                     int by_row_at, __global const int *restrict columns, int columns_at,
                     __global const float *restrict by_column, int by_column_at,
                     int span, int height, int width, int blocks, int x_height, int x_width, int x_image, int y_image)
{
    const int row = get_global_id(1), block = get_global_id(2) % blocks, image = get_global_id(2) / blocks;
    const int first = get_global_id(0) * span, end = min(first + span, width * (BLOCK / V));
    x += x_at + image * x_image + block * x_height * x_width * BLOCK;
    y += y_at + image * y_image + (block * height + row) * width * BLOCK;
    rows += rows_at + row * TAPS;
    by_row += by_row_at + row * TAPS;
    for (int item = first; item < end; item++) {
        const int column = item / (BLOCK / V), lane = item % (BLOCK / V) * V;
        VEC value = 0.0f;
        for (int b = 0; b < TAPS; b++) {
            const int place = columns[columns_at + column * TAPS + b];
            VEC part = 0.0f;
            for (int a = 0; a < TAPS; a++) part += by_row[a] * LANES(x + (rows[a] * x_width + place) * BLOCK + lane);
            value += by_column[by_column_at + column * TAPS + b] * part;
        }
        PUT_LANES(value, y + column * BLOCK + lane);
    }
}
