// A strided copy of up to six axes: y, dense, from x with a stride per axis. `first` is where x begins.
__kernel void strided(__global const uint *x_words, int x_at, __global uint *y_words, int y_at,
                      int span, int count, int first, int size1, int size2, int size3, int size4, int size5,
                      int stride0, int stride1, int stride2, int stride3, int stride4, int stride5)
{
    __global const ELEMENT *x = (__global const ELEMENT *)(x_words + x_at) + first;
    __global ELEMENT *y = (__global ELEMENT *)(y_words + y_at);
    const int begin = get_global_id(0) * span, end = min(begin + span, count);
    for (int i = begin; i < end; i++) {
        int rest = i, from = rest % size5 * stride5;
        rest /= size5;
        from += rest % size4 * stride4;
        rest /= size4;
        from += rest % size3 * stride3;
        rest /= size3;
        from += rest % size2 * stride2;
        rest /= size2;
        from += rest % size1 * stride1 + rest / size1 * stride0;
        y[i] = x[from];
    }
}
