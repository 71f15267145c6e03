/* Layer-wise breadth-first exploration for a set of policies at once; `compiled.py` puts the model in below.
 *
 * A state is KW words. Beside it stands the number of the set of policies that have reached it: few different sets
 * (NW words each) occur, so each is kept once. States are divided over
 * SHARDS hash tables by one bit of their hash, whatever the number of threads, so the order of discovery and with it
 * every answer is the same for one thread and for two. A layer is worked off in chunks of two phases:
 *
 *   expand   worker t expands states of shard t and writes successors into one outbox a shard;
 *   insert   worker t empties the outboxes of all workers into shard t, prefetching what it will touch.
 *
 * No lock is held in either; between them the workers wait for each other.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t u64;
typedef int64_t i64;
typedef uint32_t u32;

#define SHARDS 2
#define CHUNK 1024              /* states that one worker expands between two waits */
#define ALONE 256               /* layers up to this size a shard are not worth a second thread */
#define PLANES 44               /* counters count to 2^44 */
#define ROW (KW + 1)            /* a row: state, number of the set that has reached it, its latest arrival */
#define RECORD (1 + KW + NW)    /* a message: hash, state, policies */
#define FOUND (4 + KW + NW)     /* a violation: clause or event, property, depth, step + 1, state, policies */
#define EDGE (1 + 2 * KW + NW)  /* an exported edge: step, state, successor, policies */

enum { MORE, LAYER, DONE, ERROR, NO_MEMORY };
enum { EXPLORE, FIND, CAN, EXPORT };

/* A growing array of words; `width` of them an item. */
typedef struct { u64 *at; u64 used, room; } Words;

/* One arrival of a set of policies at a state, in one layer; `before` is the state's earlier arrival + 1, or 0. */
typedef struct { u32 row, before, set; } Arrival;

/* Different sets of policies by number; number 0 is the empty set. */
typedef struct {
    Words members;
    u32 *slots;                 /* number, or 0 */
    u64 slot_mask;
    u32 last;                   /* the one asked for last: it is often asked for again */
} Sets;

typedef struct {
    Words rows;
    Sets sets;
    u32 *slots;                 /* row number + 1, or 0 */
    u64 slot_mask;
    Arrival *arrivals;
    u64 arrived, arrival_room;
    Words layers;               /* where each layer begins in `arrivals` */
} Shard;

typedef struct {
    struct Run *run;
    int mode;
    Words outbox[SHARDS];
    u64 states[PLANES][NW], edges[PLANES][NW];
    u64 layer[NW];
    u64 fired[STEPS + 1][NW], noted[EVENTS + 1][NW];
    Words by_clause, by_check;  /* violations of this layer, and of the next */
    u64 broken_now[PROPERTIES + 1][NW], broken_next[PROPERTIES + 1][NW];
    i64 error;                  /* event number + 1 */
    u64 error_state[KW];
    int no_memory;
    u64 at[KW];                 /* the state being expanded, for FIND and EXPORT */
    u64 target[KW];             /* FIND */
    i64 best_step;
    u64 best[KW];
    u64 can[NW];                /* CAN */
    Words exported;             /* EXPORT */
} Worker;

typedef struct Run {
    const u64 *tables;
    const unsigned char *releases;
    Shard shard[SHARDS];
    Worker worker[SHARDS];
    u64 depth, next[SHARDS];    /* the layer worked on, and how far */
    int threads;
    Words found, reached_by;    /* violations; policies by layer */
    u64 broken[PROPERTIES + 1][NW];
    u32 *can[SHARDS];           /* CAN: by row, the number of the set that can settle */
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    u64 ticket, answered;       /* work handed out and done by the second thread */
    int task;                   /* 0 expand, 1 insert, 2 leave */
} Run;

static int grow(Words *w, u64 extra) {
    if (w->used + extra <= w->room) return 1;
    u64 room = w->room + w->room / 2 + extra + 64;
    u64 *at = realloc(w->at, room * sizeof(u64));
    if (!at) return 0;
    w->at = at;
    w->room = room;
    return 1;
}

static inline u64 hash(const u64 *s) {
    u64 h = 0;
    for (int k = 0; k < KW; k++) {
        h = (h ^ s[k]) * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 32;
    }
    return h * 0xD6E8FEB86659FD93ULL;
}

static inline int shard_of(u64 h) { return h >> 63; }
static inline u64 slot_of(u64 h) { return h >> 20; }  /* the low bits of a product are the weak ones */

static inline int any(const u64 *a) {
    u64 all = 0;
    for (int j = 0; j < NW; j++) all |= a[j];
    return all != 0;
}

static inline void join(u64 *into, const u64 *a) {
    for (int j = 0; j < NW; j++) into[j] |= a[j];
}

/* Count one for every policy of `a`: plane b of a counter holds bit b of all policies' counts. */
static inline void count(u64 planes[PLANES][NW], const u64 *a) {
    for (int j = 0; j < NW; j++) {
        u64 carry = a[j];
        for (int b = 0; carry && b < PLANES; b++) {
            u64 both = planes[b][j] & carry;
            planes[b][j] ^= carry;
            carry = both;
        }
    }
}

/* ---- called by the model ------------------------------------------------------------------------------ */
static void mark(Worker *w, int event, const u64 *policies) {
    if (w->mode == EXPLORE) join(w->noted[event], policies);
}

/* The model is too small here: behind it anything may come, so these policies count as able to settle. */
static void limit(Worker *w, int event, const u64 *policies) {
    if (w->mode == EXPLORE) join(w->noted[event], policies);
    if (w->mode == CAN) join(w->can, policies);
}

static void fail(Worker *w, int event, const u64 *state) {
    if (w->mode != EXPLORE || w->error) return;
    w->error = event + 1;
    memcpy(w->error_state, state, sizeof w->error_state);
}

/* Keep a violation for the policies for which this is the first of the property in its layer. */
static void violate(Worker *w, Words *list, u64 mine[][NW], int what, int property, u64 depth, int step,
                    const u64 *state, const u64 *policies) {
    u64 fresh[NW];
    for (int j = 0; j < NW; j++) fresh[j] = policies[j] & ~mine[property][j] & ~w->run->broken[property][j];
    if (!any(fresh)) return;
    join(mine[property], fresh);
    if (!grow(list, FOUND)) { w->no_memory = 1; return; }
    u64 *to = list->at + list->used;
    list->used += FOUND;
    to[0] = what; to[1] = property; to[2] = depth; to[3] = step + 1;
    memcpy(to + 4, state, KW * sizeof(u64));
    memcpy(to + 4 + KW, fresh, sizeof fresh);
}

static void check(Worker *w, int event, int property, int step, const u64 *state, const u64 *policies) {
    if (w->mode != EXPLORE) return;
    violate(w, &w->by_check, w->broken_next, event, property, w->run->depth + 1, step, state, policies);
}

static void clause(Worker *w, int number, int property, const u64 *state, const u64 *policies) {
    violate(w, &w->by_clause, w->broken_now, number, property, w->run->depth, -1, state, policies);
}

static void send(Worker *w, const u64 *state, const u64 *policies) {
    u64 h = hash(state);
    Words *box = &w->outbox[shard_of(h)];
    if (!grow(box, RECORD)) { w->no_memory = 1; return; }
    u64 *to = box->at + box->used;
    box->used += RECORD;
    to[0] = h;
    for (int k = 0; k < KW; k++) to[1 + k] = state[k];
    for (int j = 0; j < NW; j++) to[1 + KW + j] = policies[j];
}

static void put_otherwise(Worker *w, int step, const u64 *state, const u64 *policies);

/* A step was taken: to `state`, by `policies`. */
static inline void put(Worker *w, int step, const u64 *state, const u64 *policies) {
    if (w->mode != EXPLORE) { put_otherwise(w, step, state, policies); return; }
    join(w->fired[step], policies);
    count(w->edges, policies);
    send(w, state, policies);
}

#include "model.h"

/* ---- sets of policies --------------------------------------------------------------------------------- */
static inline const u64 *set_at(const Sets *t, u32 number) { return t->members.at + (u64)number * NW; }
static inline u64 set_count(const Sets *t) { return t->members.used / NW; }

static inline u64 set_hash(const u64 *policies) {
    u64 h = 0;
    for (int j = 0; j < NW; j++) {
        h = (h ^ policies[j]) * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 32;
    }
    return h;
}

/* Room for `extra` more sets, so that set_number() cannot fail. */
static int reserve_sets(Sets *t, u64 extra) {
    if (!grow(&t->members, extra * NW)) return 0;
    if (t->slots && (set_count(t) + extra) * 2 <= t->slot_mask + 1) return 1;
    u64 size = 1024;
    while (size < (set_count(t) + extra) * 2) size *= 2;
    u32 *slots = calloc(size, sizeof(u32));
    if (!slots) return 0;
    free(t->slots);
    t->slots = slots;
    t->slot_mask = size - 1;
    for (u64 n = 1; n < set_count(t); n++) {
        u64 i = set_hash(set_at(t, n)) & t->slot_mask;
        while (slots[i]) i = (i + 1) & t->slot_mask;
        slots[i] = n;
    }
    return 1;
}

static inline int same_set(const u64 *a, const u64 *b) {
    u64 differ = 0;
    for (int j = 0; j < NW; j++) differ |= a[j] ^ b[j];
    return !differ;
}

static inline u32 set_number(Sets *t, const u64 *policies) {
    if (same_set(set_at(t, t->last), policies)) return t->last;
    u64 i = set_hash(policies) & t->slot_mask;
    while (t->slots[i] && !same_set(set_at(t, t->slots[i]), policies)) i = (i + 1) & t->slot_mask;
    if (!t->slots[i]) {
        t->slots[i] = set_count(t);
        memcpy(t->members.at + t->members.used, policies, NW * sizeof(u64));
        t->members.used += NW;
    }
    return t->last = t->slots[i];
}

/* ---- hash tables -------------------------------------------------------------------------------------- */
static inline u64 *row_at(const Shard *s, u64 row) { return s->rows.at + row * ROW; }
static inline u64 row_count(const Shard *s) { return s->rows.used / ROW; }
static inline const u64 *reached_row(const Shard *s, const u64 *row) { return set_at(&s->sets, (u32)row[KW]); }
static inline u64 latest_arrival(const u64 *row) { return row[KW] >> 32; }

static inline int same(const u64 *a, const u64 *b) {
    u64 differ = 0;
    for (int k = 0; k < KW; k++) differ |= a[k] ^ b[k];
    return !differ;
}

/* The slot of a state: that of its row, or the free one where it belongs. */
static u32 *find_slot(const Shard *s, u64 h, const u64 *state) {
    for (u64 i = slot_of(h) & s->slot_mask;; i = (i + 1) & s->slot_mask) {
        u32 row = s->slots[i];
        if (!row || same(row_at(s, row - 1), state)) return &s->slots[i];
    }
}

static int enlarge_slots(Shard *s) {
    u64 size = (s->slot_mask + 1) * 2;
    u32 *slots = calloc(size, sizeof(u32));
    if (!slots) return 0;
    free(s->slots);
    s->slots = slots;
    s->slot_mask = size - 1;
    for (u64 row = 0; row < row_count(s); row++) {
        u64 i = slot_of(hash(row_at(s, row))) & s->slot_mask;
        while (slots[i]) i = (i + 1) & s->slot_mask;
        slots[i] = row + 1;
    }
    return 1;
}

/* Room for `extra` more rows and arrivals, so that insertion itself cannot fail. */
static int reserve(Shard *s, u64 extra) {
    while ((row_count(s) + extra) * 8 > (s->slot_mask + 1) * 5)
        if (!enlarge_slots(s)) return 0;
    if (row_count(s) + extra > UINT32_MAX - 2 || s->arrived + extra > UINT32_MAX - 2) return 0;
    if (!grow(&s->rows, extra * ROW) || !reserve_sets(&s->sets, 2 * extra)) return 0;
    if (s->arrived + extra > s->arrival_room) {
        u64 room = s->arrival_room + s->arrival_room / 2 + extra + 64;
        Arrival *more = realloc(s->arrivals, room * sizeof(Arrival));
        if (!more) return 0;
        s->arrivals = more;
        s->arrival_room = room;
    }
    return 1;
}

/* Policies that are new at a state arrive there in the next layer, once for all records of a layer. */
static void insert(Shard *s, const u64 *record, u64 next_layer) {
    const u64 *state = record + 1, *policies = record + 1 + KW;
    u32 *slot = find_slot(s, record[0], state);
    if (!*slot) {
        u64 *to = s->rows.at + s->rows.used;
        memcpy(to, state, KW * sizeof(u64));
        to[KW] = 0;
        s->rows.used += ROW;
        *slot = row_count(s);
    }
    u64 *row = row_at(s, *slot - 1), fresh[NW], all[NW];
    const u64 *known = reached_row(s, row);
    for (int j = 0; j < NW; j++) fresh[j] = policies[j] & ~known[j];
    if (!any(fresh)) return;
    for (int j = 0; j < NW; j++) all[j] = policies[j] | known[j];
    u64 reached = set_number(&s->sets, all), latest = latest_arrival(row);
    if (latest > next_layer) {
        Arrival *a = &s->arrivals[latest - 1];
        join(fresh, set_at(&s->sets, a->set));
        a->set = set_number(&s->sets, fresh);
    } else {
        s->arrivals[s->arrived] = (Arrival){*slot - 1, latest, set_number(&s->sets, fresh)};
        latest = ++s->arrived;
    }
    row[KW] = latest << 32 | reached;
}

/* ---- the two phases ----------------------------------------------------------------------------------- */
static u64 layer_end(const Run *r, int t) { return r->shard[t].layers.at[r->depth + 1]; }

static void expand_chunk(Run *r, int t) {
    Shard *s = &r->shard[t];
    Worker *w = &r->worker[t];
    u64 end = layer_end(r, t), stop = r->next[t] + CHUNK < end ? r->next[t] + CHUNK : end;
    for (; r->next[t] < stop && !w->error && !w->no_memory; r->next[t]++) {
        const Arrival *a = &s->arrivals[r->next[t]];
        const u64 *state = row_at(s, a->row), *policies = set_at(&s->sets, a->set);
        join(w->layer, policies);
        count(w->states, policies);
        judge(w, state, policies);
        if (!w->error) expand(w, state, policies);
    }
}

static void insert_chunk(Run *r, int t) {
    Shard *s = &r->shard[t];
    u64 next_layer = layer_end(r, t);
    for (int from = 0; from < SHARDS; from++) {
        Words *box = &r->worker[from].outbox[t];
        u64 n = box->used / RECORD;
        if (!reserve(s, n)) { r->worker[t].no_memory = 1; return; }
        for (u64 i = 0; i < n; i++) {
            if (i + 12 < n) __builtin_prefetch(&s->slots[slot_of(box->at[(i + 12) * RECORD]) & s->slot_mask]);
            if (i + 6 < n) {
                u32 row = s->slots[slot_of(box->at[(i + 6) * RECORD]) & s->slot_mask];
                if (row) __builtin_prefetch(row_at(s, row - 1));
            }
            insert(s, box->at + i * RECORD, next_layer);
        }
        box->used = 0;
    }
}

static void work(Run *r, int task, int t) {
    if (task == 0) expand_chunk(r, t); else insert_chunk(r, t);
}

/* The second thread: worker 1's share of every phase, until told to leave. */
static void *second(void *arg) {
    Run *r = arg;
    for (;;) {
        pthread_mutex_lock(&r->mutex);
        while (r->answered == r->ticket) pthread_cond_wait(&r->turn, &r->mutex);
        int task = r->task;
        pthread_mutex_unlock(&r->mutex);
        if (task < 2) work(r, task, 1);
        pthread_mutex_lock(&r->mutex);
        r->answered = r->ticket;
        pthread_cond_broadcast(&r->turn);
        pthread_mutex_unlock(&r->mutex);
        if (task == 2) return NULL;
    }
}

static void hand_out(Run *r, int task) {
    pthread_mutex_lock(&r->mutex);
    r->task = task;
    r->ticket++;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->mutex);
}

static void wait_for_second(Run *r) {
    pthread_mutex_lock(&r->mutex);
    while (r->answered != r->ticket) pthread_cond_wait(&r->turn, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
}

static void both(Run *r, int task, int helped) {
    if (helped) hand_out(r, task);
    work(r, task, 0);
    if (helped) wait_for_second(r); else work(r, task, 1);
}

/* ---- layers ------------------------------------------------------------------------------------------- */
static int settle_list(Run *r, Words *list) {
    for (u64 i = 0; i < list->used; i += FOUND) {
        u64 *from = list->at + i, *policies = from + 4 + KW;
        for (int j = 0; j < NW; j++) policies[j] &= ~r->broken[from[1]][j];
        if (!any(policies)) continue;
        if (!grow(&r->found, FOUND)) return 0;
        memcpy(r->found.at + r->found.used, from, FOUND * sizeof(u64));
        r->found.used += FOUND;
        join(r->broken[from[1]], policies);
    }
    list->used = 0;
    return 1;
}

/* The layer's policies, and its violations in the order of their depth. */
static int close_layer(Run *r) {
    if (!grow(&r->reached_by, NW)) return 0;
    u64 *all = r->reached_by.at + r->reached_by.used;
    r->reached_by.used += NW;
    memset(all, 0, NW * sizeof(u64));
    for (int t = 0; t < SHARDS; t++) {
        join(all, r->worker[t].layer);
        memset(r->worker[t].layer, 0, sizeof r->worker[t].layer);
        if (!settle_list(r, &r->worker[t].by_clause)) return 0;
    }
    for (int t = 0; t < SHARDS; t++) {
        Worker *w = &r->worker[t];
        if (!settle_list(r, &w->by_check)) return 0;
        memset(w->broken_now, 0, sizeof w->broken_now);
        memset(w->broken_next, 0, sizeof w->broken_next);
    }
    return 1;
}

static int next_layer(Run *r) {
    for (int t = 0; t < SHARDS; t++) {
        Shard *s = &r->shard[t];
        if (!grow(&s->layers, 1)) return 0;
        r->next[t] = layer_end(r, t);
        s->layers.at[s->layers.used++] = s->arrived;
    }
    r->depth++;
    return 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int left(const Run *r) {
    return r->next[0] < layer_end(r, 0) || r->next[1] < layer_end(r, 1);
}

static int failed(const Run *r) {
    for (int t = 0; t < SHARDS; t++)
        if (r->worker[t].error) return ERROR;
    return r->worker[0].no_memory || r->worker[1].no_memory ? NO_MEMORY : 0;
}

static int large(const Run *r) {
    return r->threads > 1 && layer_end(r, 0) - r->next[0] > ALONE && layer_end(r, 1) - r->next[1] > ALONE;
}

/* Go on for about `seconds`, but not beyond the end of the layer. */
int explore_some(Run *r, double seconds) {
    double end = now() + seconds;
    pthread_t other;
    int helped = large(r), result = 0;
    if (helped && pthread_create(&other, NULL, second, r)) helped = 0;
    while (left(r) && !result) {
        both(r, 0, helped);
        result = failed(r);
        if (!result) both(r, 1, helped);
        if (!result) result = failed(r);
        if (!result && left(r) && now() > end) break;
    }
    if (helped) { hand_out(r, 2); pthread_join(other, NULL); }
    if (result || left(r)) return result ? result : MORE;
    if (!close_layer(r) || !next_layer(r)) return NO_MEMORY;
    return left(r) ? LAYER : DONE;
}

/* The run ends within a layer: keep what was found there. */
void explore_stop(Run *r) {
    if (any(r->worker[0].layer) || any(r->worker[1].layer)) close_layer(r);
}

/* ---- a run's life ------------------------------------------------------------------------------------- */
void explore_free(Run *r) {
    if (!r) return;
    for (int t = 0; t < SHARDS; t++) {
        Shard *s = &r->shard[t];
        Worker *w = &r->worker[t];
        free(s->rows.at); free(s->slots); free(s->arrivals); free(s->layers.at); free(r->can[t]);
        free(s->sets.members.at); free(s->sets.slots);
        for (int k = 0; k < SHARDS; k++) free(w->outbox[k].at);
        free(w->by_clause.at); free(w->by_check.at); free(w->exported.at);
    }
    free(r->found.at); free(r->reached_by.at);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->turn);
    free(r);
}

/* `tables` and `releases` must live as long as the run. NULL where there is no memory. */
Run *explore_begin(const u64 *start, const u64 *policies, const u64 *tables, const unsigned char *releases,
                   int threads) {
    Run *r = calloc(1, sizeof(Run));
    if (!r) return NULL;
    r->tables = tables;
    r->releases = releases;
    r->threads = threads;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->turn, NULL);
    u64 record[RECORD] = {hash(start)};
    memcpy(record + 1, start, KW * sizeof(u64));
    memcpy(record + 1 + KW, policies, NW * sizeof(u64));
    for (int t = 0; t < SHARDS; t++) {
        Shard *s = &r->shard[t];
        r->worker[t].run = r;
        s->slot_mask = 1023;
        s->slots = calloc(1024, sizeof(u32));
        if (!s->slots || !reserve(s, 1) || !grow(&s->layers, 2)) { explore_free(r); return NULL; }
        memset(s->sets.members.at, 0, NW * sizeof(u64));
        s->sets.members.used = NW;
        if (shard_of(record[0]) == t) insert(s, record, 0);
        s->layers.at[0] = 0;
        s->layers.at[1] = s->arrived;
        s->layers.used = 2;
    }
    return r;
}

/* ---- questions ---------------------------------------------------------------------------------------- */
u64 explore_states(const Run *r) { return row_count(&r->shard[0]) + row_count(&r->shard[1]); }

u64 explore_frontier(const Run *r) {
    u64 n = 0;
    for (int t = 0; t < SHARDS; t++) n += layer_end(r, t) - r->next[t];
    return n;
}

u64 explore_layers(const Run *r) { return r->reached_by.used / NW; }

/* Bytes that this run has asked the system for. */
u64 explore_bytes(const Run *r) {
    u64 words = r->found.room + r->reached_by.room, bytes = sizeof(Run);
    for (int t = 0; t < SHARDS; t++) {
        const Shard *s = &r->shard[t];
        words += s->rows.room + s->layers.room + s->sets.members.room;
        for (int k = 0; k < SHARDS; k++) words += r->worker[t].outbox[k].room;
        bytes += (s->slot_mask + 1 + s->sets.slot_mask + 1) * sizeof(u32) + s->arrival_room * sizeof(Arrival);
    }
    return bytes + 8 * words;
}

/* Per policy: states (edges = 0) or edges; NW * 64 counts. */
void explore_counts(const Run *r, int edges, u64 *out) {
    memset(out, 0, NW * 64 * sizeof(u64));
    for (int t = 0; t < SHARDS; t++) {
        const u64 (*planes)[NW] = edges ? (const u64 (*)[NW])r->worker[t].edges : (const u64 (*)[NW])r->worker[t].states;
        for (int b = 0; b < PLANES; b++)
            for (int p = 0; p < NW * 64; p++) out[p] += (planes[b][p / 64] >> p % 64 & 1) << b;
    }
}

void explore_fired(const Run *r, u64 *out) {
    for (int i = 0; i < STEPS; i++)
        for (int j = 0; j < NW; j++) out[i * NW + j] = r->worker[0].fired[i][j] | r->worker[1].fired[i][j];
}

void explore_noted(const Run *r, u64 *out) {
    for (int i = 0; i < EVENTS; i++)
        for (int j = 0; j < NW; j++) out[i * NW + j] = r->worker[0].noted[i][j] | r->worker[1].noted[i][j];
}

u64 explore_found(const Run *r) { return r->found.used / FOUND; }
const u64 *explore_found_at(const Run *r) { return r->found.at; }
const u64 *explore_reached_by(const Run *r) { return r->reached_by.at; }

/* The event number + 1 of the error that ended the run, and the state before the step. */
i64 explore_error(const Run *r, u64 *state) {
    for (int t = 0; t < SHARDS; t++)
        if (r->worker[t].error) {
            memcpy(state, r->worker[t].error_state, KW * sizeof(u64));
            return r->worker[t].error;
        }
    return 0;
}

static u64 *lookup(const Run *r, const u64 *state, int *shard) {
    u64 h = hash(state);
    *shard = shard_of(h);
    u32 row = *find_slot(&r->shard[*shard], h, state);
    return row ? row_at(&r->shard[*shard], row - 1) : NULL;
}

static u64 layer_of(const Shard *s, u64 arrival) {
    u64 lo = 0, hi = s->layers.used;
    while (lo + 1 < hi) {
        u64 mid = (lo + hi) / 2;
        if (s->layers.at[mid] <= arrival) lo = mid; else hi = mid;
    }
    return lo;
}

/* The layer in which `policy` first reaches `state`, or -1. */
i64 explore_arrival(const Run *r, const u64 *state, int policy) {
    int t;
    const u64 *row = lookup(r, state, &t);
    if (!row) return -1;
    const Shard *s = &r->shard[t];
    for (u64 a = latest_arrival(row); a; a = s->arrivals[a - 1].before)
        if (set_at(&s->sets, s->arrivals[a - 1].set)[policy / 64] >> policy % 64 & 1) return layer_of(s, a - 1);
    return -1;
}

/* Whether packed state `a` is lower than `b`, as a number. */
static int lower(const u64 *a, const u64 *b) {
    for (int k = KW - 1; k > 0; k--)
        if (a[k] != b[k]) return a[k] < b[k];
    return a[0] < b[0];
}

/* What put() does when a finished run is asked again. */
static void put_otherwise(Worker *w, int step, const u64 *state, const u64 *policies) {
    if (w->mode == FIND) {
        if (!same(state, w->target) || (w->best_step >= 0 && w->best_step < step)) return;
        if (w->best_step == step && !lower(w->at, w->best)) return;
        w->best_step = step;
        memcpy(w->best, w->at, sizeof w->best);
    } else if (w->mode == CAN) {
        int t;
        const u64 *row = w->run->releases[step] ? NULL : lookup(w->run, state, &t);
        if (!row) return;
        const Shard *s = &w->run->shard[t];
        const u64 *can = set_at(&s->sets, w->run->can[t][(row - s->rows.at) / ROW]);
        for (int j = 0; j < NW; j++) w->can[j] |= policies[j] & can[j];
    } else if (grow(&w->exported, EDGE)) {
        u64 *to = w->exported.at + w->exported.used;
        w->exported.used += EDGE;
        to[0] = step;
        memcpy(to + 1, w->at, sizeof w->at);
        memcpy(to + 1 + KW, state, KW * sizeof(u64));
        memcpy(to + 1 + 2 * KW, policies, NW * sizeof(u64));
    } else {
        w->no_memory = 1;
    }
}

static void ask(Worker *w, const u64 *state, const u64 *policies) {
    memcpy(w->at, state, sizeof w->at);
    expand(w, state, policies);
}

/* The step by which `policy` gets from layer `depth` to `target`, and the state before it; -1 if none.
 * Of several the one with the lowest step number, then the lowest state. */
i64 explore_before(Run *r, u64 depth, int policy, const u64 *target, u64 *state) {
    Worker *w = &r->worker[0];
    u64 one[NW] = {0};
    one[policy / 64] = 1ULL << policy % 64;
    w->mode = FIND;
    w->best_step = -1;
    memcpy(w->target, target, sizeof w->target);
    for (int t = 0; t < SHARDS; t++) {
        const Shard *s = &r->shard[t];
        for (u64 a = s->layers.at[depth]; a < s->layers.at[depth + 1]; a++)
            if (set_at(&s->sets, s->arrivals[a].set)[policy / 64] & one[policy / 64])
                ask(w, row_at(s, s->arrivals[a].row), one);
    }
    w->mode = EXPLORE;
    memcpy(state, w->best, sizeof w->best);
    return w->best_step;
}

/* All edges of the arrivals `from`.. of shard t, at most `most` arrivals: number of edges, -1 without memory. */
i64 explore_export(Run *r, int t, u64 from, u64 most, const u64 **out) {
    const Shard *s = &r->shard[t];
    Worker *w = &r->worker[t];
    u64 stop = from + most < r->next[t] ? from + most : r->next[t];
    w->mode = EXPORT;
    w->exported.used = 0;
    for (u64 a = from; a < stop && !w->no_memory; a++)
        ask(w, row_at(s, s->arrivals[a].row), set_at(&s->sets, s->arrivals[a].set));
    w->mode = EXPLORE;
    *out = w->exported.at;
    return w->no_memory ? -1 : (i64)(w->exported.used / EDGE);
}

/* The edges from any one state, for any policies: their number, -1 without memory. */
i64 explore_from(Run *r, const u64 *state, const u64 *policies, const u64 **out) {
    Worker *w = &r->worker[0];
    w->mode = EXPORT;
    w->exported.used = 0;
    ask(w, state, policies);
    w->mode = EXPLORE;
    *out = w->exported.at;
    return w->no_memory ? -1 : (i64)(w->exported.used / EDGE);
}

int explore_settled(const Run *r, const u64 *state) { return settled(state); }
int explore_halted(const Run *r, const u64 *state) { return halted(state); }

u64 explore_arrived(const Run *r, int t) { return r->shard[t].arrived; }

/* One arrival: its state and policies; returns the layer. */
u64 explore_arrival_at(const Run *r, int t, u64 number, u64 *state, u64 *policies) {
    const Shard *s = &r->shard[t];
    memcpy(state, row_at(s, s->arrivals[number].row), KW * sizeof(u64));
    memcpy(policies, set_at(&s->sets, s->arrivals[number].set), NW * sizeof(u64));
    return layer_of(s, number);
}

/* ---- progress ----------------------------------------------------------------------------------------- */
/* Whether row `number` learns of more policies that can settle. */
static int sweep_row(Run *r, int t, u64 number) {
    Worker *w = &r->worker[0];
    Shard *s = &r->shard[t];
    u32 *can = &r->can[t][number];
    u64 *row = row_at(s, number);
    if (*can == (u32)row[KW]) return 0;
    memcpy(w->can, set_at(&s->sets, *can), sizeof w->can);
    if (settled(row) || halted(row)) join(w->can, reached_row(s, row));
    else ask(w, row, reached_row(s, row));
    u32 now_can = set_number(&s->sets, w->can);
    if (*can == now_can) return 0;
    *can = now_can;
    return 1;
}

/* One sweep over a layer: how many of its states learnt of more policies that can settle, -1 without memory. Over
 * all layers, the last first, until nobody learns more, this is the backward fixed point, without a stored graph. */
i64 explore_sweep(Run *r, u64 layer) {
    i64 changes = 0;
    for (int t = 0; t < SHARDS; t++) {
        u64 found = r->shard[t].layers.at[layer + 1] - r->shard[t].layers.at[layer];
        if (!r->can[t]) r->can[t] = calloc(row_count(&r->shard[t]) + 1, sizeof(u32));
        if (!r->can[t] || !reserve_sets(&r->shard[t].sets, found)) return -1;
    }
    r->worker[0].mode = CAN;
    for (int t = 0; t < SHARDS; t++) {
        const Shard *s = &r->shard[t];
        for (u64 a = s->layers.at[layer + 1]; a-- > s->layers.at[layer];)
            if (!s->arrivals[a].before) changes += sweep_row(r, t, s->arrivals[a].row);
    }
    r->worker[0].mode = EXPLORE;
    return changes;
}

/* After the sweeps: the next arrival of shard t in `layer`, from number `from` of it on, with policies that cannot
 * settle and are not in `skip`; -1 if there is none. */
i64 explore_stuck(const Run *r, int t, u64 layer, u64 from, const u64 *skip, u64 *state, u64 *policies) {
    const Shard *s = &r->shard[t];
    u64 begin = s->layers.at[layer];
    for (u64 a = begin + from; a < s->layers.at[layer + 1]; a++) {
        const u64 *can = set_at(&s->sets, r->can[t][s->arrivals[a].row]), *here = set_at(&s->sets, s->arrivals[a].set);
        for (int j = 0; j < NW; j++) policies[j] = here[j] & ~can[j] & ~skip[j];
        if (!any(policies)) continue;
        memcpy(state, row_at(s, s->arrivals[a].row), KW * sizeof(u64));
        return a - begin;
    }
    return -1;
}
