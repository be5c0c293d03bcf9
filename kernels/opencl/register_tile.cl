// The heart of convolutions on CPU cores: T pixels x NB output blocks of V channels stay in registers while the
// reduction runs over `runs` stretches of RUN neighbouring floats, which begin at x + offsets[run]. Neighbouring pixels
// lie PIXEL floats apart in x, neighbouring blocks' weights `pitch` vectors.
// AHEAD: by how many floats a step passes through the weights that are `next`, asking for them by a function of Clang's,
// so that all tiles that use the present ones together have asked for all of them; 0: nobody asks.
#define PRAGMA(words) _Pragma(#words)
#define UNROLLED_BY(times) PRAGMA(unroll times)
#if AHEAD
#define ASK_FOR(p) __builtin_prefetch((const void *)(size_t)(p))
#else
#define ASK_FOR(p)
#endif
// A macro, as PoCL 3.0 has arrays in memory that a function is given. Its a += b * c may be fused; fma() ends it.
// Names that are no arguments end in _.
#define ADD_PRODUCTS(sum, x, offsets, runs, weights, pitch, next)                                                      \
    do {                                                                                                               \
        __global const float *x_ = x, *next_ = next;                                                                   \
        __global const VEC *weights_ = (__global const VEC *)(weights);                                                \
        for (int run_ = 0; run_ < (runs); run_++) {                                                                    \
            __global const float *from_ = x_ + (offsets)[run_];                                                        \
            UNROLLED_BY(UNROLL) for (int i_ = 0; i_ < RUN; i_++, weights_++, next_ += AHEAD) {                         \
                ASK_FOR(next_);                                                                                        \
                VEC weight_[NB];                                                                                       \
                UNROLLED for (int n_ = 0; n_ < NB; n_++) weight_[n_] = weights_[n_ * (pitch)];                         \
                UNROLLED for (int t_ = 0; t_ < T; t_++) {                                                              \
                    const float value_ = from_[t_ * PIXEL + i_];                                                       \
                    UNROLLED for (int n_ = 0; n_ < NB; n_++) sum[n_][t_] += value_ * weight_[n_];                      \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)
