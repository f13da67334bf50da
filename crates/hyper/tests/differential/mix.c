// What compilers make of ordinary C: hashes, sorting, matrices, division of every width, tables of functions, text.
// It needs nothing but `write` and `exit`, and writes what it computed.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

static long call(long number, long a, long b, long c) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
    return a0;
}

void *memcpy(void *to, const void *from, u64 count) {
    u8 *target = to;
    const u8 *source = from;
    for (u64 i = 0; i < count; i++) target[i] = source[i];
    return to;
}

void *memset(void *to, int value, u64 count) {
    u8 *target = to;
    for (u64 i = 0; i < count; i++) target[i] = value;
    return to;
}

static char line[256];
static u64 used;

static void put(char letter) {
    line[used++] = letter;
    if (letter == '\n' || used == sizeof line) {
        call(64, 1, (long)line, used);
        used = 0;
    }
}

static void say(const char *name, u64 value) {
    while (*name) put(*name++);
    put(' ');
    for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
    put('\n');
}

static u64 state = 88172645463325252;
static u64 next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static u64 bits(double value) {
    u64 result;
    memcpy(&result, &value, 8);
    return result;
}

static u32 rotate(u32 value, int count) { return value >> count | value << (32 - count); }

// The rounds of SHA-256, with constants that need no table.
static u64 hash(const u8 *data, u64 count) {
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (u64 block = 0; block + 64 <= count; block += 64) {
        u32 w[64], v[8];
        for (int i = 0; i < 16; i++) {
            const u8 *p = data + block + i * 4;
            w[i] = (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 64; i++) {
            u32 a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
            u32 b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + a + w[i - 7] + b;
        }
        memcpy(v, h, sizeof v);
        for (int i = 0; i < 64; i++) {
            u32 s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
            u32 choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
            u32 one = v[7] + s1 + choice + w[i] + (u32)i * 0x9e3779b9;
            u32 s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
            u32 most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            for (int j = 7; j > 0; j--) v[j] = v[j - 1];
            v[4] += one;
            v[0] = one + s0 + most;
        }
        for (int i = 0; i < 8; i++) h[i] += v[i];
    }
    return (u64)h[0] << 32 | h[7];
}

static void sort(i64 *values, i64 low, i64 high) {
    if (low >= high) return;
    i64 pivot = values[(low + high) / 2], i = low, j = high;
    while (i <= j) {
        while (values[i] < pivot) i++;
        while (values[j] > pivot) j--;
        if (i <= j) {
            i64 other = values[i];
            values[i++] = values[j];
            values[j--] = other;
        }
    }
    sort(values, low, j);
    sort(values, i, high);
}

static u64 divisions(void) {
    u64 sum = 0;
    for (int i = 0; i < 2000; i++) {
        u64 a = next() >> (i & 63), b = next() >> (i * 7 & 63);
        sum += b ? a / b ^ a % b : 1;
        sum += (i64)b ? (i64)a / (i64)(b | 1) : 2;
        sum ^= (u32)b ? (u32)a % (u32)b : 3;
        sum += (int)(b | 1) ? (int)a / (int)(b | 1) : 4;
        sum ^= (u64)((unsigned __int128)a * b >> 64) + (u64)((__int128)(i64)a * (i64)b >> 64);
    }
    return sum;
}

static double a[24][24], b[24][24], c[24][24];

static u64 matrices(void) {
    for (int i = 0; i < 24; i++)
        for (int j = 0; j < 24; j++) {
            a[i][j] = (double)(i64)next() * 0x1p-60;
            b[i][j] = (float)(u32)next() / 3.0f - (float)i;
        }
    for (int i = 0; i < 24; i++)
        for (int j = 0; j < 24; j++) {
            double sum = 0;
            for (int k = 0; k < 24; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum < 0 ? -__builtin_sqrt(-sum) : __builtin_sqrt(sum);
        }
    u64 result = 0;
    for (int i = 0; i < 24; i++)
        for (int j = 0; j < 24; j++) result = result * 31 + bits(c[i][j]) + (u64)(i64)c[i][j] + (int)(float)c[j][i];
    return result;
}

static double series(double x) {
    double term = x, sum = x;
    for (int n = 1; n < 30; n++) {
        term *= -x * x / ((2 * n) * (2 * n + 1));
        sum += term;
    }
    return sum;
}

static u64 plus(u64 x, u64 y) { return x + y; }
static u64 times(u64 x, u64 y) { return x * y; }
static u64 shifted(u64 x, u64 y) { return x << (y & 63) | x >> (-y & 63); }
static u64 counted(u64 x, u64 y) { return __builtin_popcountl(x) + __builtin_clzl(y | 1) + __builtin_ctzl(x | 1L << 63); }
static u64 (*const table[])(u64, u64) = {plus, times, shifted, counted};

static u64 calls(void) {
    u64 value = 1;
    for (int i = 0; i < 5000; i++) value = table[next() >> 62](value, next());
    return value;
}

static u64 choices(u64 turns) {
    u64 sum = 0;
    for (u64 i = 0; i < turns; i++) switch (next() % 11) {
        case 0: sum += i; break;
        case 1: sum ^= i << 3; break;
        case 2: sum = sum > i ? sum - i : i; break;
        case 3: sum = __builtin_bswap64(sum); break;
        case 4: sum |= 1UL << (i & 63); break;
        case 5: sum &= ~(1UL << (i & 63)); break;
        case 7: sum = (u64)(short)sum + (u8)i; break;
        case 9: sum *= 1000003; break;
        default: sum--; break;
        }
    return sum;
}

static i64 numbers[3000];
static u8 text[8192];

int run(void) {
    for (u64 i = 0; i < sizeof text; i++) text[i] = next() >> 40;
    say("hash", hash(text, sizeof text));
    memcpy(text + 1, text + 4001, 4001);
    say("moved", hash(text, sizeof text));
    for (int i = 0; i < 3000; i++) numbers[i] = (i64)next() >> (i % 50);
    sort(numbers, 0, 2999);
    say("sorted", hash((u8 *)numbers, sizeof numbers));
    say("divisions", divisions());
    say("matrices", matrices());
    say("series", bits(series(1.25)) ^ bits(series(-3.5)));
    say("calls", calls());
    say("choices", choices(5000));
    return 0;
}

__attribute__((naked, used)) void _start(void) {
    __asm__("call run\n li a7, 93\n ecall");
}
