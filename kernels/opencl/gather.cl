// Places along an axis, known at load: y[outer][i][inner] = x[outer][places[i]][inner]. `count` elements of y.
__kernel void gather(__global const uint *restrict x, int x_at, __global uint *restrict y, int y_at,
                     __global const int *restrict places, int places_at,
                     int span, int count, int several, int length, int inner)
{
    const int first = get_global_id(0) * span, end = min(first + span, count);
    for (int i = first; i < end; i++) {
        const int row = i / inner, place = places[places_at + row % several];
        y[y_at + i] = x[x_at + (row / several * length + place) * inner + i % inner];
    }
}
