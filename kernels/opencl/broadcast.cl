// A function of two plain tensors, OP by name, under NumPy's rules over six axes: a stride per axis and input, 0 along
// an axis that is repeated. The last axis in a loop of `span`, the others from the position.
__kernel void broadcast(__global const float *a, int a_at, __global const float *b, int b_at,
                        __global float *y, int y_at, int span, int n1, int n2, int n3, int n4, int n5,
                        int a0, int a1, int a2, int a3, int a4, int a5,
                        int b0, int b1, int b2, int b3, int b4, int b5,
                        int y0, int y1, int y2, int y3, int y4, int y5)
{
    int rest = get_global_id(1);
    const int i4 = rest % n4;
    rest /= n4;
    const int i3 = rest % n3;
    rest /= n3;
    const int i2 = rest % n2;
    rest /= n2;
    const int i1 = rest % n1, i0 = rest / n1;
    a += a_at + i0 * a0 + i1 * a1 + i2 * a2 + i3 * a3 + i4 * a4;
    b += b_at + i0 * b0 + i1 * b1 + i2 * b2 + i3 * b3 + i4 * b4;
    y += y_at + i0 * y0 + i1 * y1 + i2 * y2 + i3 * y3 + i4 * y4;
    const int first = get_global_id(0) * span, end = min(first + span, n5);
    for (int i5 = first; i5 < end; i5++) {
        const float p = a[i5 * a5], q = b[i5 * b5];
        y[i5 * y5] = JOIN(OP_, OP)(p, q, 0.0f, 0.0f);
    }
}
