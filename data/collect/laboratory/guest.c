/* The guest of the laboratory: a kernel of its own that fills memory and then writes pages at a set rate.
 *
 * No operating system: what it writes is all there is, so that a table's rates and sizes are the guest's. QEMU
 * starts it as a multiboot kernel; its command line holds
 *   filled= working=  pages filled with content, and of these the pages that are written to, from the first on
 *   rate=             page writes per second
 *   pattern=          uniform, seq (in turn, again and again), hotcold, zipf
 *   hot= tohot=       hotcold: per cent of the working pages that are hot, per cent of the writes they get
 *   zipf=             exponent in thousandths
 *   random=           per cent of each page that is random; the rest repeats
 *   share=            per cent of its processor that it needs to keep the rate (work between two writes)
 * Told on the serial line: "R" once memory is filled, then four times a second "W <ms> <page writes>". It sleeps
 * between bursts of 2 ms, and what it owes after a pause of more than a quarter of a second is never written.
 */
#include <stdint.h>

enum { TIMER_HZ = 500, PIT_HZ = 1193182, SERIAL = 0x3f8, PAGE = 4096, FIRST_PAGE = 512 };

static inline void outb(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline int64_t ticks(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (int64_t)high << 32 | low;
}

/* Entry as the multiboot standard has it: 32 bits, flat, address of its information in ebx. */
__asm__(".balign 4\n.long 0x1BADB002, 3, -(0x1BADB002 + 3)\n"
        ".globl _start\n_start: cli\nmovl $stack_end, %esp\nlgdt gdt_at\nljmp $8, $1f\n"
        "1: movw $16, %ax\nmovw %ax, %ds\nmovw %ax, %es\nmovw %ax, %ss\nfninit\npushl %ebx\ncall guest\n"
        "tick: pushl %eax\nmovb $0x20, %al\noutb %al, $0x20\npopl %eax\niret\n"
        ".data\n.balign 8\ngdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff\ngdt_at: .word 23\n.long gdt\n"
        ".bss\n.balign 16\n.skip 8192\nstack_end:\n.text");
extern char tick[];

/* ---- what it is told ---- */

struct plan {
  uint32_t filled, working, rate, hot_pages, tohot, random_words, work;
  char pattern;
  double zipf;
};

static uint32_t number(const char *line, const char *name, uint32_t otherwise) {
  for (; *line; line++) {
    const char *a = line, *b = name;
    while (*b && *a == *b) a++, b++;
    if (*b || *a != '=') continue;
    uint32_t value = 0;
    for (a++; *a >= '0' && *a <= '9'; a++) value = value * 10 + (uint32_t)(*a - '0');
    return value;
  }
  return otherwise;
}

static char letter(const char *line) {
  static const char name[] = "pattern=";
  for (; *line; line++) {
    uint32_t k = 0;
    while (name[k] && line[k] == name[k]) k++;
    if (!name[k]) return line[k];
  }
  return 'u';
}

/* ---- what it tells ---- */

static void say(char one) {
  while (!(inb(SERIAL + 5) & 0x20)) continue;
  outb(SERIAL, (uint8_t)one);
}

static void say_number(uint32_t value) {
  char digits[10];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  while (n) say(digits[--n]);
}

static void tell(uint32_t milliseconds, uint32_t writes) {
  say('W'), say(' '), say_number(milliseconds), say(' '), say_number(writes), say('\n');
}

/* ---- numbers ---- */

static uint32_t state[4] = {0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x8aed2a6a};
static uint32_t drawn(void) { /* Marsaglia's xorshift of 128 bits */
  uint32_t t = state[0] ^ state[0] << 11;
  state[0] = state[1], state[1] = state[2], state[2] = state[3];
  return state[3] = state[3] ^ state[3] >> 19 ^ t ^ t >> 8;
}

static double power(double base, double exponent) {
  double x, whole, part, result;
  __asm__("fyl2x" : "=t"(x) : "0"(base), "u"(exponent) : "st(1)");
  __asm__("frndint" : "=t"(whole) : "0"(x));
  __asm__("f2xm1" : "=t"(part) : "0"(x - whole));
  __asm__("fscale" : "=t"(result) : "0"(part + 1), "u"(whole));
  return result;
}

/* Rank 0 is the most written; ranks are scattered over the working set by a prime larger than any. */
static uint32_t zipf_page(const struct plan *p) {
  double u = drawn() * 0x1p-32, n = p->working, s = p->zipf;
  double x = s == 1 ? power(n, u) : power(1 - u + u * power(n, 1 - s), 1 / (1 - s));
  uint32_t rank = (uint32_t)(int32_t)x - 1, low, high, page;
  if (rank >= p->working) rank = p->working - 1;
  __asm__("mull %3" : "=a"(low), "=d"(high) : "0"(rank), "r"(2654435761u));
  __asm__("divl %3" : "=d"(page), "+a"(low) : "0"(high), "r"(p->working));
  return page;
}

static uint32_t next_page(const struct plan *p, uint32_t writes) {
  uint32_t cold = p->working - p->hot_pages;
  switch (p->pattern) {
  case 's': return writes % p->working;
  case 'z': return zipf_page(p);
  case 'h':
    if (!cold || drawn() % 100 < p->tohot) return drawn() % p->hot_pages;
    return p->hot_pages + drawn() % cold;
  default: return drawn() % p->working;
  }
}

/* ---- memory ---- */

static uint32_t *page_at(uint32_t page) { return (uint32_t *)((FIRST_PAGE + page) * PAGE); }

static void fill(const struct plan *p) {
  for (uint32_t page = 0; page < p->filled; page++) {
    uint32_t *words = page_at(page);
    for (uint32_t k = 0; k < PAGE / 4; k++) words[k] = k < p->random_words ? drawn() : 0x20202020;
  }
}

static void write_page(const struct plan *p, uint32_t writes) {
  uint32_t *words = page_at(next_page(p, writes));
  words[0] = writes + 1;
  if (p->random_words) words[drawn() % p->random_words] ^= drawn();
}

/* ---- time ---- */

static void set_timer(void) {
  static uint64_t gates[33];
  static struct { uint16_t size; uint32_t at; } __attribute__((packed)) gates_at = {sizeof gates - 1, 0};
  uint32_t handler = (uint32_t)tick;
  gates[32] = (uint64_t)(handler >> 16) << 48 | 0x8e0000080000 | (handler & 0xffff);
  gates_at.at = (uint32_t)gates;
  __asm__ volatile("lidt %0" ::"m"(gates_at));
  static const uint8_t first[] = {0x11, 32, 4, 1, 0xfe}, second[] = {0x11, 40, 2, 1, 0xff};
  for (int k = 0; k < 5; k++) outb(k ? 0x21 : 0x20, first[k]), outb(k ? 0xa1 : 0xa0, second[k]);
  outb(0x43, 0x34), outb(0x40, (PIT_HZ / TIMER_HZ) & 0xff), outb(0x40, (PIT_HZ / TIMER_HZ) >> 8);
}

static uint32_t pit_left(void) {
  outb(0x43, 0x80);
  uint32_t low = inb(0x42);
  return low | (uint32_t)inb(0x42) << 8;
}

/* Ticks of the processor's counter in a second, by 40 ms of the timer chip. */
static double ticks_per_s_once(void) {
  outb(0x61, (inb(0x61) & 0xfc) | 1);
  outb(0x43, 0xb0), outb(0x42, 0xff), outb(0x42, 0xff);
  uint32_t from, left;
  while ((from = pit_left()) > 0xfff0) continue;
  int64_t begun = ticks();
  while ((left = pit_left()) > from - PIT_HZ / 25 && left <= from) continue;
  return (double)(ticks() - begun) * PIT_HZ / (double)(int32_t)(from - left);
}

/* The median of nine: a host that is busy with other work holds one or the other up. */
static double ticks_per_s(void) {
  double found[9];
  for (int k = 0; k < 9; k++) {
    double one = ticks_per_s_once();
    int j = k;
    for (; j && found[j - 1] > one; j--) found[j] = found[j - 1];
    found[j] = one;
  }
  return found[4];
}

static volatile uint32_t sink;
static void work(uint32_t loops) {
  uint32_t x = sink;
  while (loops--) x = x * 1664525u + 1013904223u;
  sink = x;
}

/* Loops of work that take a second of an undisturbed processor: the fastest of many short trials. */
static double loops_per_s(double per_s) {
  int64_t least = INT64_MAX;
  for (int k = 0; k < 200; k++) {
    int64_t begun = ticks();
    work(100000);
    int64_t took = ticks() - begun;
    if (took < least) least = took;
  }
  return 100000 * per_s / (double)least;
}

/* ---- the whole ---- */

/* Forgets all translated addresses. Software emulation (QEMU 7.2) does not see a write to a page whose address it
 * keeps from before the last look at what is dirty: of 512 pages written again and again it found one. */
static void forget_addresses(void) {
  uint32_t flags;
  __asm__ volatile("movl %%cr4, %0" : "=r"(flags));
  __asm__ volatile("movl %0, %%cr4" ::"r"(flags ^ 0x80));
  __asm__ volatile("movl %0, %%cr4" ::"r"(flags));
}

static void write_for_ever(const struct plan *p, double per_s) {
  const int64_t quarter = (int64_t)(per_s / 4), burst = (int64_t)(per_s / TIMER_HZ), begun = ticks();
  int64_t origin = begun, next = begun, forgotten = begun;
  uint32_t writes = 0, since = 0;
  for (;;) {
    int64_t at = ticks();
    double owed = (double)(at - origin) * p->rate / per_s - since;
    if (owed > p->rate / 4.0) origin = at, since = 0, owed = 0;
    for (; owed >= 1 && at < next; owed--) {
      if (at - forgotten >= burst) forget_addresses(), forgotten = at;
      write_page(p, writes++), since++;
      work(p->work);
      at = ticks();
    }
    if (at >= next) {
      tell((uint32_t)(int32_t)((double)(at - begun) * 1000 / per_s), writes);
      while (next <= at) next += quarter;
    } else
      __asm__ volatile("sti\nhlt\ncli");
  }
}

void guest(const uint32_t *multiboot) {
  const char *line = (const char *)multiboot[4];
  static struct plan plan;
  plan.filled = number(line, "filled", 1);
  plan.working = number(line, "working", 1);
  plan.rate = number(line, "rate", 1);
  plan.pattern = letter(line);
  plan.hot_pages = plan.working / 100 * number(line, "hot", 100) + plan.working % 100 * number(line, "hot", 100) / 100;
  if (!plan.hot_pages) plan.hot_pages = plan.working / 100 * number(line, "hot", 100) + plan.working % 100 * number(line, "hot", 100) / 100;
  plan.tohot = number(line, "tohot", 100);
  plan.zipf = number(line, "zipf", 1000) / 1000.0;
  plan.random_words = PAGE / 4 * number(line, "random", 50) / 100;
  set_timer();
  fill(&plan);
  double per_s = ticks_per_s();
  uint32_t share = number(line, "share", 0);
  plan.work = (uint32_t)(int32_t)(loops_per_s(per_s) * share / 100 / plan.rate);
  say('R'), say('\n');
  write_for_ever(&plan, per_s);
}
