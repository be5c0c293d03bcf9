// Rows of `length` floats, from the i-th on: how they are read and written where a row is a plain channel, of any length,
// and where it is one of blocks.
#if PLAIN
#undef WHOLE
#undef PER_CHANNEL
#define WHOLE(p) load_part(p, length - i)
#define PER_CHANNEL(p) ((VEC)(*(p)))
#define PUT_WHOLE(v, p) store_part(v, p, length - i)
#else
#define PUT_WHOLE(v, p) PUT_LANES(v, p)
#endif

