/* The yardstick's recurrence, a scenario at a time, as one writes it without a thought for vectors: the
 * measure for all other ways. Compiled with -O3 -march=native by benchmarks/passes.py. */
#include <math.h>
#include <stdint.h>

void passes(int64_t scenarios, const double *memory, const double *working_set, const double *writes,
            const double *rate, const double *target_s, int64_t limit,
            double *total_s, double *downtime_s, double *sent, int64_t *passes)
{
    for (int64_t i = 0; i < scenarios; i++) {
        double left = memory[i], set = working_set[i], enough = target_s[i] * rate[i], all = 0;
        double share = writes[i] / (rate[i] * set);
        int64_t number = 0;
        do {
            all += left;
            left = set * (1 - exp(-share * left));
            number++;
        } while (number < limit && left > enough);
        downtime_s[i] = left / rate[i];
        total_s[i] = (all + left) / rate[i];
        sent[i] = all + left;
        passes[i] = number;
    }
}
