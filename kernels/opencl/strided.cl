// A strided copy of up to six axes: y, dense, from x with a stride per axis. `first` is where x begins. A work-item
// does `span` elements and divides for the first alone.
__kernel void strided(__global const uint *x_words, int x_at, __global uint *y_words, int y_at,
                      int span, int count, int first, int size1, int size2, int size3, int size4, int size5,
                      int stride0, int stride1, int stride2, int stride3, int stride4, int stride5)
{
    __global const ELEMENT *x = (__global const ELEMENT *)(x_words + x_at) + first;
    __global ELEMENT *y = (__global ELEMENT *)(y_words + y_at);
    const int begin = get_global_id(0) * span, end = min(begin + span, count);
    int column = begin % size5, rest = begin / size5;
    int i4 = rest % size4, i3 = (rest /= size4) % size3, i2 = (rest /= size3) % size2;
    int i1 = (rest /= size2) % size1, i0 = rest / size1;
    for (int i = begin; i < end; column = 0) {
        const int from = i0 * stride0 + i1 * stride1 + i2 * stride2 + i3 * stride3 + i4 * stride4;
        for (; column < size5 && i < end; column++, i++) y[i] = x[from + column * stride5];
        if (++i4 < size4) continue;
        i4 = 0;
        if (++i3 < size3) continue;
        i3 = 0;
        if (++i2 < size2) continue;
        i2 = 0;
        if (++i1 < size1) continue;
        i1 = 0;
        i0++;
    }
}
