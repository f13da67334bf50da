/*
 * The mixed benchmark of harts: eight kernels in plain C, as one static program for Linux.
 *
 *   riscv64-linux-gnu-gcc -O2 -fno-tree-vectorize -ffp-contract=off -static -o mix mix.c
 *   cc -O2 -fno-tree-vectorize -ffp-contract=off -o mix mix.c
 *   mix [ROUNDS] [KERNEL]
 *
 * Prints one line per kernel, `mix KERNEL MICROSECONDS CHECKSUM INSTRUCTIONS`, and one for all. Instructions are those
 * that the counter of retired instructions tells (zero where it must not be read); checksums are the same everywhere,
 * as products and sums are never fused.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Keeps work from being moved out of loops or left out. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value) : : "memory")

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Two buffers whose distance is exactly 1 MiB: existing emulators lose much on copies between such. */
#define MEBIBYTE (1u << 20)
static uint8_t arena[3 * MEBIBYTE] __attribute__((aligned(4096)));

static uint64_t sieve(void)
{
    enum { LIMIT = 2 * MEBIBYTE };
    uint8_t *composite = arena;
    memset(composite, 0, LIMIT);
    uint64_t count = 0, sum = 0;
    for (uint32_t i = 2; i < LIMIT; i++) {
        if (composite[i])
            continue;
        count++;
        sum += i;
        for (uint64_t j = (uint64_t)i * i; j < LIMIT; j += i)
            composite[j] = 1;
    }
    return count * 1000003 + sum;
}

enum { SIDE = 160 };

static uint64_t integer_matrix(void)
{
    static int64_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = i * 7 + j;
            b[i][j] = i - j * 3;
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int64_t sum = 0;
            for (int k = 0; k < SIDE; k++)
                sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    uint64_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            sum = sum * 31 + (uint64_t)c[i][j];
    return sum;
}

static uint64_t float_matrix(void)
{
    static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (i * 7 + j) * 0.1;
            b[i][j] = 1.0 / (i + j * 3 + 1);
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            double sum = 0;
            for (int k = 0; k < SIDE; k++)
                sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    uint64_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            uint64_t bits;
            memcpy(&bits, &c[i][j], 8);
            sum = sum * 31 + bits;
        }
    return sum;
}

/* By words, as a C library for RISC-V does it. */
static void __attribute__((noinline, optimize("no-tree-loop-distribute-patterns"))) copy_words(uint64_t *target, const uint64_t *source, size_t words)
{
    for (size_t i = 0; i < words; i += 8) {
        uint64_t w0 = source[i], w1 = source[i + 1], w2 = source[i + 2], w3 = source[i + 3];
        uint64_t w4 = source[i + 4], w5 = source[i + 5], w6 = source[i + 6], w7 = source[i + 7];
        target[i] = w0, target[i + 1] = w1, target[i + 2] = w2, target[i + 3] = w3;
        target[i + 4] = w4, target[i + 5] = w5, target[i + 6] = w6, target[i + 7] = w7;
    }
}

static uint64_t copies(void)
{
    uint64_t *source = (uint64_t *)arena, *target = (uint64_t *)(arena + MEBIBYTE);
    for (size_t i = 0; i < MEBIBYTE / 8; i++)
        source[i] = i * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 150; i++) {
        source[i] = (uint64_t)i;
        copy_words(target, source, MEBIBYTE / 8);
        target[i + 1000] ^= (uint64_t)i;
        copy_words(source, target, MEBIBYTE / 8);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < MEBIBYTE / 8; i++)
        sum = sum * 31 + source[i];
    return sum;
}

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int count)
{
    return word >> count | word << (32 - count);
}

static void sha256_block(uint32_t digest[8], const uint8_t *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = digest[0], b = digest[1], c = digest[2], d = digest[3];
    uint32_t e = digest[4], f = digest[5], g = digest[6], h = digest[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t first = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t second = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + first;
        d = c, c = b, b = a, a = first + second;
    }
    digest[0] += a, digest[1] += b, digest[2] += c, digest[3] += d;
    digest[4] += e, digest[5] += f, digest[6] += g, digest[7] += h;
}

static uint64_t sha256(void)
{
    uint32_t digest[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (size_t i = 0; i < MEBIBYTE; i++)
        arena[i] = (uint8_t)(i * 131 >> 3);
    for (int i = 0; i < 8; i++)
        for (size_t at = 0; at < MEBIBYTE; at += 64)
            sha256_block(digest, arena + at);
    return (uint64_t)digest[0] << 32 | digest[7];
}

static void quicksort(uint32_t *first, uint32_t *last)
{
    while (last - first > 16) {
        uint32_t pivot = first[(last - first) / 2];
        uint32_t *low = first, *high = last;
        while (low <= high) {
            while (*low < pivot)
                low++;
            while (*high > pivot)
                high--;
            if (low <= high) {
                uint32_t swapped = *low;
                *low++ = *high;
                *high-- = swapped;
            }
        }
        if (high - first < last - low) {
            quicksort(first, high);
            first = low;
        } else {
            quicksort(low, last);
            last = high;
        }
    }
    for (uint32_t *i = first + 1; i <= last; i++) {
        uint32_t moved = *i;
        uint32_t *j = i;
        for (; j > first && j[-1] > moved; j--)
            *j = j[-1];
        *j = moved;
    }
}

static uint64_t sort(void)
{
    enum { COUNT = 500000 };
    uint32_t *numbers = (uint32_t *)arena;
    state = 88172645463325252u;
    for (int i = 0; i < COUNT; i++)
        numbers[i] = (uint32_t)next_random();
    quicksort(numbers, numbers + COUNT - 1);
    uint64_t sum = 0;
    for (int i = 0; i < COUNT; i++) {
        if (i > 0 && numbers[i - 1] > numbers[i])
            return 0;
        sum = sum * 31 + numbers[i];
    }
    return sum;
}

static uint64_t chase(void)
{
    enum { COUNT = MEBIBYTE / 16 };
    uint32_t *next = (uint32_t *)arena;
    state = 88172645463325252u;
    for (uint32_t i = 0; i < COUNT; i++)
        next[i] = i;
    /* Sattolo's shuffle: one cycle through all. */
    for (uint32_t i = COUNT - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(next_random() % i), swapped = next[i];
        next[i] = next[j];
        next[j] = swapped;
    }
    uint32_t at = 0;
    uint64_t sum = 0;
    for (int i = 0; i < 6000000; i++) {
        at = next[at];
        sum += at;
    }
    return sum;
}

typedef uint64_t (*step)(uint64_t);
static uint64_t __attribute__((noinline)) step0(uint64_t x) { return x + 1; }
static uint64_t __attribute__((noinline)) step1(uint64_t x) { return x ^ 0x55; }
static uint64_t __attribute__((noinline)) step2(uint64_t x) { return x * 3; }
static uint64_t __attribute__((noinline)) step3(uint64_t x) { return x >> 1; }
static uint64_t __attribute__((noinline)) step4(uint64_t x) { return x - 7; }
static uint64_t __attribute__((noinline)) step5(uint64_t x) { return x << 2; }
static uint64_t __attribute__((noinline)) step6(uint64_t x) { return ~x; }
static uint64_t __attribute__((noinline)) step7(uint64_t x) { return x + (x >> 5); }

static uint64_t calls(void)
{
    step steps[8] = {step0, step1, step2, step3, step4, step5, step6, step7};
    uint64_t x = 1;
    for (uint64_t i = 0; i < 8000000; i++) {
        step which = steps[(i ^ x) & 7];
        OPAQUE(which);
        x = which(x);
    }
    return x;
}

#ifdef __riscv
static int is_counting;
static sigjmp_buf without_counter;

static void forbid(int signal)
{
    (void)signal;
    siglongjmp(without_counter, 1);
}
#endif

static uint64_t instructions(void)
{
    uint64_t count = 0;
#ifdef __riscv
    if (is_counting)
        __asm__ volatile("rdinstret %0" : "=r"(count));
#endif
    return count;
}

/* Whether programs may read the counter of retired instructions: that is the kernel's choice. */
static void try_counter(void)
{
#ifdef __riscv
    signal(SIGILL, forbid);
    if (sigsetjmp(without_counter, 1) == 0) {
        is_counting = 1;
        instructions();
    } else {
        is_counting = 0;
    }
    signal(SIGILL, SIG_DFL);
#endif
}

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint64_t (*run)(void);
        /* How often it runs in a round, so that none outweighs the others. */
        int times;
    } kernels[] = {
        {"sieve", sieve, 5}, {"integer-matrix", integer_matrix, 5}, {"float-matrix", float_matrix, 5},
        {"copy", copies, 1}, {"sha256", sha256, 1},                 {"sort", sort, 1},
        {"chase", chase, 1}, {"calls", calls, 1},
    };
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    try_counter();
    uint64_t all_time = 0, all_instructions = 0, all_sums = 0;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (argc > 2 && strcmp(argv[2], kernels[i].name) != 0)
            continue;
        uint64_t began = microseconds(), retired = instructions(), sum = 0;
        for (int round = 0; round < rounds * kernels[i].times; round++)
            sum = sum * 7 + kernels[i].run();
        retired = instructions() - retired;
        uint64_t took = microseconds() - began;
        printf("mix %s %llu %016llx %llu\n", kernels[i].name, (unsigned long long)took, (unsigned long long)sum,
               (unsigned long long)retired);
        fflush(stdout);
        all_time += took;
        all_instructions += retired;
        all_sums = all_sums * 31 + sum;
    }
    printf("mix all %llu %016llx %llu\n", (unsigned long long)all_time, (unsigned long long)all_sums,
           (unsigned long long)all_instructions);
    return 0;
}
