// Rows of `length` elements, `x_row` and `y_row` elements apart, copied as they are. ELEMENT: an unsigned
// integer type of the elements' size; offsets count 4-byte words.
__kernel void copy(__global const uint *x_words, int x_at, __global uint *y_words, int y_at,
                   int span, int length, int x_row, int y_row, int y_first)
{
    __global const ELEMENT *x = (__global const ELEMENT *)(x_words + x_at) + get_global_id(1) * x_row;
    __global ELEMENT *y = (__global ELEMENT *)(y_words + y_at) + get_global_id(1) * y_row + y_first;
    const int first = get_global_id(0) * span, end = min(first + span, length);
    for (int i = first; i < end; i++) y[i] = x[i];
}
