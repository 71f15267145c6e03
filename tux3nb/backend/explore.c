/* Layer-wise breadth-first exploration for a set of policies at once; `compiled.py` puts the model in below.
 *
 * A state is KW words. Beside it stands the number of the set of policies that have reached it: few different sets
 * (NW words each) occur, so each is kept once. States are divided over SHARDS hash tables by one bit of their hash,
 * whatever the number of threads, so the order of discovery and with it every answer is the same for one thread and for
 * two. A layer is worked off in chunks of two phases:
 *
 *   expand   worker t expands states of shard t and writes successors into one outbox a shard;
 *   insert   worker t empties the outboxes of all workers into shard t, prefetching what it will touch.
 *
 * No lock is held in either; between them the workers wait for each other.
 *
 * A run that forgets divides the states into levels as well, such that no step leads to a lower level (`ranks.py`
 * finds them; every step is checked for it). It finishes one level after the other, each layer by layer, and then frees
 * it: nobody can get there again. Arrivals at higher levels wait there with their depth. Every arrival at a level from
 * below is known when the level begins, so each policy still reaches each state in its own shortest depth, once. A run
 * that keeps everything has one level.
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
#define MOST_LEVELS 4096        /* a level stands in the low bits of a message's hash, which nobody needs */
#define PART_CELLS 2            /* as in ranks.py */
#define ROW (KW + 1)            /* a row: state, number of the set that has reached it, its latest arrival */
#define RECORD (1 + KW + NW)    /* a message: hash, state, policies */
#define FOUND (4 + KW + NW)     /* a violation: clause or event, property, depth, step + 1, state, policies */
#define EDGE (1 + 2 * KW + NW)  /* an exported edge: step, state, successor, policies */

enum { MORE, LAYER, DONE, ERROR, NO_MEMORY, WENT_BACK };
enum { EXPLORE, FIND, CAN, EXPORT };

/* A growing array of words; `width` of them an item. */
typedef struct { u64 *at; u64 used, room; } Words;

/* One arrival of a set of policies at a state, in one layer. */
typedef struct { u32 row, set; } Arrival;

/* An arrival at a level that is still to come; `before` is the state's earlier one + 1, or 0. */
typedef struct { u32 before, set, depth; } Pending;

/* Different sets of policies by number; number 0 is the empty set. */
typedef struct {
    Words members;
    u32 *slots;                 /* number, or 0 */
    u64 slot_mask;
    u32 last;                   /* the one asked for last: it is often asked for again */
} Sets;

/* The states of one level, in one shard. */
typedef struct {
    Words rows;
    u32 *slots;                 /* row number + 1, or 0 */
    u64 slot_mask;
    Arrival *arrivals;
    u64 arrived, arrival_room;
    Words layers, first_rows;   /* where each layer begins in `arrivals`; the states first met in it, in `rows` */
    Pending *pending;           /* before the level begins */
    u64 waiting, pending_room;
    Arrival *due;               /* afterwards: the same by depth */
    Words due_at;               /* where each depth begins in `due` */
} Table;

typedef struct {
    Sets sets;
    Table *levels;
    u64 forgotten;              /* states of the levels that are done */
} Shard;

/* Some cells of a state and the rank of each combination of their values; a state's level is the sum of its ranks. */
typedef struct { u64 word[PART_CELLS], shift[PART_CELLS], bits[PART_CELLS]; const u64 *ranks; } Part;

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
    int no_memory, went_back;
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
    u64 level, levels, first;   /* the level worked on, how many there are, and its first layer */
    u64 depth, next[SHARDS];    /* the layer worked on, and how far */
    u64 peak;                   /* most bytes so far */
    int threads;
    u64 parts;
    Part *part;
    Words found, reached_by;    /* violations; policies by layer */
    Words broken;               /* by layer and property: policies with a violation in this layer or above */
    u32 *can[SHARDS];           /* CAN: by row, the number of the set that can settle */
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    u64 ticket, answered;       /* work handed out and done by the second thread */
    int task;                   /* 0 expand, 1 insert, 2 leave */
} Run;

static int grow(Words *w, u64 extra) {
    if (w->used + extra <= w->room) return 1;
    u64 room = w->room + w->room / 8 + extra + 64;
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
static inline u64 level_in(u64 h) { return h % MOST_LEVELS; }

static inline u64 level_of(const Run *r, const u64 *s) {
    u64 level = 0;
    for (u64 k = 0; k < r->parts; k++) {
        const Part *p = &r->part[k];
        u64 value = 0;
        for (int c = PART_CELLS; c-- > 0;)
            value = value << p->bits[c] | (s[p->word[c]] >> p->shift[c] & ((1ULL << p->bits[c]) - 1));
        level += p->ranks[value];
    }
    return level;
}

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

static inline u64 *broken_at(const Run *r, u64 depth, u64 property) {
    return r->broken.at + (depth * (PROPERTIES + 1) + property) * NW;
}

/* Keep a violation for the policies for which this is the first of the property in its layer. */
static void violate(Worker *w, Words *list, u64 mine[][NW], int what, int property, u64 depth, int step,
                    const u64 *state, const u64 *policies) {
    u64 fresh[NW];
    const u64 *known = broken_at(w->run, depth, property);
    for (int j = 0; j < NW; j++) fresh[j] = policies[j] & ~mine[property][j] & ~known[j];
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
    u64 level = level_of(w->run, state);
    w->went_back |= level < w->run->level;
    to[0] = (h & ~(u64)(MOST_LEVELS - 1)) | level;
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
static inline u64 *row_at(const Table *s, u64 row) { return s->rows.at + row * ROW; }
static inline u64 row_count(const Table *s) { return s->rows.used / ROW; }
static inline const u64 *reached_row(const Sets *sets, const u64 *row) { return set_at(sets, (u32)row[KW]); }
static inline u64 latest_arrival(const u64 *row) { return row[KW] >> 32; }

static inline int same(const u64 *a, const u64 *b) {
    u64 differ = 0;
    for (int k = 0; k < KW; k++) differ |= a[k] ^ b[k];
    return !differ;
}

/* The slot of a state: that of its row, or the free one where it belongs. */
static u32 *find_slot(const Table *s, u64 h, const u64 *state) {
    for (u64 i = slot_of(h) & s->slot_mask;; i = (i + 1) & s->slot_mask) {
        u32 row = s->slots[i];
        if (!row || same(row_at(s, row - 1), state)) return &s->slots[i];
    }
}

static int enlarge_slots(Table *s) {
    u64 size = s->slots ? (s->slot_mask + 1) * 2 : 1024;
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

/* `*at` with room for `items` items of `size` bytes. */
static int grow_items(void **at, u64 *room, u64 items, u64 size) {
    if (items <= *room) return 1;
    u64 more = items + items / 8 + 64;
    void *moved = realloc(*at, more * size);
    if (!moved) return 0;
    *at = moved;
    *room = more;
    return 1;
}

static int grow_arrivals(Table *s, u64 extra) {
    if (s->arrived + extra > UINT32_MAX - 2) return 0;
    return grow_items((void **)&s->arrivals, &s->arrival_room, s->arrived + extra, sizeof(Arrival));
}

/* Room for `extra` more states, and as many arrivals at once or pending ones, so that insertion itself cannot fail. */
static int reserve(Table *s, u64 extra, int now) {
    while (!s->slots || (row_count(s) + extra) * 4 > (s->slot_mask + 1) * 3)
        if (!enlarge_slots(s)) return 0;
    if (row_count(s) + extra > UINT32_MAX - 2 || s->waiting + extra > UINT32_MAX - 2) return 0;
    if (!grow(&s->rows, extra * ROW)) return 0;
    if (now) return grow_arrivals(s, extra);
    return grow_items((void **)&s->pending, &s->pending_room, s->waiting + extra, sizeof(Pending));
}

/* The number of a state's row, which may be new. */
static u64 row_of(Table *s, u64 h, const u64 *state) {
    u32 *slot = find_slot(s, h, state);
    if (!*slot) {
        u64 *to = s->rows.at + s->rows.used;
        memcpy(to, state, KW * sizeof(u64));
        to[KW] = 0;
        s->rows.used += ROW;
        *slot = row_count(s);
    }
    return *slot - 1;
}

/* Policies that are new at a state arrive there in the next layer, once for all that is known before it begins. */
static void arrive(Table *s, Sets *sets, u64 number, const u64 *policies, u64 next_layer) {
    u64 *row = row_at(s, number), fresh[NW], all[NW];
    const u64 *known = reached_row(sets, row);
    for (int j = 0; j < NW; j++) fresh[j] = policies[j] & ~known[j];
    if (!any(fresh)) return;
    for (int j = 0; j < NW; j++) all[j] = policies[j] | known[j];
    u64 reached = set_number(sets, all), latest = latest_arrival(row);
    if (latest > next_layer) {
        Arrival *a = &s->arrivals[latest - 1];
        join(fresh, set_at(sets, a->set));
        a->set = set_number(sets, fresh);
    } else {
        s->arrivals[s->arrived] = (Arrival){number, set_number(sets, fresh)};
        latest = ++s->arrived;
    }
    row[KW] = latest << 32 | reached;
}

/* Policies arrive at a state of a higher level: kept there, but for those that arrive no later by another way. */
static void put_off(Table *s, Sets *sets, u64 number, const u64 *policies, u32 depth) {
    u64 *row = row_at(s, number), fresh[NW];
    Pending *same_depth = NULL;
    memcpy(fresh, policies, sizeof fresh);
    for (u64 n = latest_arrival(row); n; n = s->pending[n - 1].before) {
        Pending *p = &s->pending[n - 1];
        const u64 *known = set_at(sets, p->set);
        if (p->depth <= depth) for (int j = 0; j < NW; j++) fresh[j] &= ~known[j];
        if (p->depth == depth) same_depth = p;
    }
    if (!any(fresh)) return;
    if (same_depth) {
        join(fresh, set_at(sets, same_depth->set));
        same_depth->set = set_number(sets, fresh);
        return;
    }
    s->pending[s->waiting] = (Pending){latest_arrival(row), set_number(sets, fresh), depth};
    row[KW] = ++s->waiting << 32;
}

/* ---- the two phases ----------------------------------------------------------------------------------- */
static inline Table *table(const Run *r, int t) { return &r->shard[t].levels[r->level]; }
static u64 layer_end(const Run *r, int t) { return table(r, t)->layers.at[r->depth - r->first + 1]; }

static void expand_chunk(Run *r, int t) {
    const Table *s = table(r, t);
    const Sets *sets = &r->shard[t].sets;
    Worker *w = &r->worker[t];
    u64 end = layer_end(r, t), stop = r->next[t] + CHUNK < end ? r->next[t] + CHUNK : end;
    for (; r->next[t] < stop && !w->error && !w->no_memory; r->next[t]++) {
        const Arrival *a = &s->arrivals[r->next[t]];
        const u64 *state = row_at(s, a->row), *policies = set_at(sets, a->set);
        join(w->layer, policies);
        count(w->states, policies);
        judge(w, state, policies);
        if (!w->error) expand(w, state, policies);
    }
}

static int reserve_for(Run *r, int t, const Words *box) {
    u64 n = box->used / RECORD;
    if (!reserve_sets(&r->shard[t].sets, 2 * n)) return 0;
    if (r->levels == 1) return reserve(table(r, t), n, 1);
    u64 found[MOST_LEVELS] = {0};
    for (u64 i = 0; i < n; i++) found[level_in(box->at[i * RECORD])]++;
    for (u64 level = r->level; level < r->levels; level++)
        if (found[level] && !reserve(&r->shard[t].levels[level], found[level], level == r->level)) return 0;
    return 1;
}

static void insert_chunk(Run *r, int t) {
    Shard *s = &r->shard[t];
    u64 next_layer = layer_end(r, t);
    for (int from = 0; from < SHARDS; from++) {
        Words *box = &r->worker[from].outbox[t];
        u64 n = box->used / RECORD;
        if (!reserve_for(r, t, box)) { r->worker[t].no_memory = 1; return; }
        for (u64 i = 0; i < n; i++) {
            if (i + 12 < n) {
                u64 h = box->at[(i + 12) * RECORD];
                const Table *to = &s->levels[level_in(h)];
                __builtin_prefetch(&to->slots[slot_of(h) & to->slot_mask]);
            }
            if (i + 6 < n) {
                u64 h = box->at[(i + 6) * RECORD];
                const Table *to = &s->levels[level_in(h)];
                u32 row = to->slots[slot_of(h) & to->slot_mask];
                if (row) __builtin_prefetch(row_at(to, row - 1));
            }
            const u64 *record = box->at + i * RECORD, level = level_in(record[0]);
            Table *to = &s->levels[level];
            u64 row = row_of(to, record[0], record + 1);
            if (level == r->level) arrive(to, &s->sets, row, record + 1 + KW, next_layer);
            else put_off(to, &s->sets, row, record + 1 + KW, r->depth + 1);
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

/* ---- layers and levels -------------------------------------------------------------------------------- */
static int settle_list(Run *r, Words *list) {
    for (u64 i = 0; i < list->used; i += FOUND) {
        u64 *from = list->at + i, *policies = from + 4 + KW;
        const u64 *known = broken_at(r, from[2], from[1]);
        for (int j = 0; j < NW; j++) policies[j] &= ~known[j];
        if (!any(policies)) continue;
        if (!grow(&r->found, FOUND)) return 0;
        memcpy(r->found.at + r->found.used, from, FOUND * sizeof(u64));
        r->found.used += FOUND;
        for (u64 depth = from[2]; depth < r->broken.used / (NW * (PROPERTIES + 1)); depth++)
            join(broken_at(r, depth, from[1]), policies);
    }
    list->used = 0;
    return 1;
}

/* The layer's policies, and its violations in the order of their depth. */
static int close_layer(Run *r) {
    for (; r->reached_by.used < (r->depth + 1) * NW; r->reached_by.used += NW) {
        if (!grow(&r->reached_by, NW)) return 0;
        memset(r->reached_by.at + r->reached_by.used, 0, NW * sizeof(u64));
    }
    u64 *all = r->reached_by.at + r->depth * NW;
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

/* Room to say what is broken in this layer and in the next: at first what is broken above. */
static int reserve_broken(Run *r) {
    const u64 size = NW * (PROPERTIES + 1);
    for (; r->broken.used < (r->depth + 2) * size; r->broken.used += size) {
        if (!grow(&r->broken, size)) return 0;
        u64 *to = r->broken.at + r->broken.used;
        if (r->broken.used) memcpy(to, to - size, size * sizeof(u64)); else memset(to, 0, size * sizeof(u64));
    }
    return 1;
}

/* What has waited for this layer arrives in it; then nothing more does. */
static int begin_layer(Run *r) {
    u64 n = r->depth - r->first;
    for (int t = 0; t < SHARDS; t++) {
        Table *s = table(r, t);
        r->next[t] = s->layers.at[n];
        if (n + 1 < s->due_at.used) {
            const Arrival *from = s->due + s->due_at.at[n], *to = s->due + s->due_at.at[n + 1];
            if (!grow_arrivals(s, to - from) || !reserve_sets(&r->shard[t].sets, 2 * (to - from))) return 0;
            for (; from < to; from++) {
                u64 policies[NW];
                memcpy(policies, set_at(&r->shard[t].sets, from->set), sizeof policies);
                arrive(s, &r->shard[t].sets, from->row, policies, r->next[t]);
            }
        }
        if (!grow(&s->layers, 1) || !grow(&s->first_rows, 1)) return 0;
        s->layers.at[s->layers.used++] = s->arrived;
        s->first_rows.at[s->first_rows.used++] = row_count(s);
    }
    return reserve_broken(r);
}

/* Bytes that this run has asked the system for. */
static u64 bytes(const Run *r) {
    u64 words = r->found.room + r->reached_by.room + r->broken.room, sum = sizeof(Run);
    for (int t = 0; t < SHARDS; t++) {
        const Shard *s = &r->shard[t];
        words += s->sets.members.room;
        sum += (s->sets.slot_mask + 1) * sizeof(u32) + r->levels * sizeof(Table);
        for (int k = 0; k < SHARDS; k++) words += r->worker[t].outbox[k].room;
        for (u64 level = r->level; level < r->levels; level++) {
            const Table *l = &s->levels[level];
            words += l->rows.room + l->layers.room + l->first_rows.room + l->due_at.room;
            sum += (l->slots ? l->slot_mask + 1 : 0) * sizeof(u32) + l->pending_room * sizeof(Pending);
            sum += (l->arrival_room + (l->due_at.used ? l->due_at.at[l->due_at.used - 1] : 0)) * sizeof(Arrival);
        }
    }
    return sum + 8 * words;
}

static void note_peak(Run *r) {
    u64 here = bytes(r);
    if (here > r->peak) r->peak = here;
}

/* Sort what has waited for a level by depth, from `first` on. */
static int sort_pending(Table *s, u64 first, u64 last) {
    u64 depths = last - first + 1;
    if (!grow(&s->due_at, depths + 1) || !grow(&s->layers, 1) || !grow(&s->first_rows, 1)) return 0;
    s->due = malloc((s->waiting + 1) * sizeof(Arrival));
    if (!s->due) return 0;
    memset(s->due_at.at, 0, (depths + 1) * sizeof(u64));
    s->due_at.used = depths + 1;
    for (u64 n = 0; n < s->waiting; n++) s->due_at.at[s->pending[n].depth - first + 1]++;
    for (u64 k = 0; k < depths; k++) s->due_at.at[k + 1] += s->due_at.at[k];
    for (u64 row = 0; row < row_count(s); row++) {
        for (u64 n = latest_arrival(row_at(s, row)); n; n = s->pending[n - 1].before)
            s->due[s->due_at.at[s->pending[n - 1].depth - first]++] = (Arrival){row, s->pending[n - 1].set};
        row_at(s, row)[KW] = 0;
    }
    for (u64 k = depths; k > 0; k--) s->due_at.at[k] = s->due_at.at[k - 1];
    s->due_at.at[0] = 0;
    s->layers.at[s->layers.used++] = 0;
    s->first_rows.at[s->first_rows.used++] = 0;
    return 1;
}

static void free_table(Table *s) {
    free(s->rows.at); free(s->slots); free(s->arrivals); free(s->layers.at); free(s->first_rows.at);
    free(s->pending); free(s->due); free(s->due_at.at);
    memset(s, 0, sizeof *s);
}

/* Begin the level `r->level`, whose shards may both be empty. */
static int begin_level(Run *r) {
    u64 first = UINT64_MAX, last = 0;
    for (int t = 0; t < SHARDS; t++) {
        const Table *s = table(r, t);
        for (u64 n = 0; n < s->waiting; n++) {
            if (s->pending[n].depth < first) first = s->pending[n].depth;
            if (s->pending[n].depth > last) last = s->pending[n].depth;
        }
    }
    r->first = r->depth = first > last ? 0 : first;
    for (int t = 0; t < SHARDS; t++)
        if (!reserve(table(r, t), 0, 1) || !sort_pending(table(r, t), r->first, last)) return 0;
    note_peak(r);
    for (int t = 0; t < SHARDS; t++) {
        Table *s = table(r, t);
        free(s->pending);
        s->pending = NULL;
        s->waiting = s->pending_room = 0;
    }
    return begin_layer(r);
}

static int left(const Run *r) {
    return r->next[0] < layer_end(r, 0) || r->next[1] < layer_end(r, 1);
}

/* Whether something still waits for a deeper layer of this level. */
static int more_due(const Run *r) {
    return r->depth - r->first + 2 < table(r, 0)->due_at.used;
}

/* The next layer, of this level or of the next one that has any; the last level stays where there is nothing left. */
static int next_layer(Run *r) {
    do {
        r->depth++;
        if (!begin_layer(r)) return 0;
    } while (!left(r) && more_due(r));
    while (!left(r) && r->level + 1 < r->levels) {
        for (int t = 0; t < SHARDS; t++) {
            r->shard[t].forgotten += row_count(table(r, t));
            free_table(table(r, t));
        }
        r->level++;
        if (!begin_level(r)) return 0;
    }
    return 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int failed(const Run *r) {
    for (int t = 0; t < SHARDS; t++)
        if (r->worker[t].error) return ERROR;
    if (r->worker[0].went_back || r->worker[1].went_back) return WENT_BACK;
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
    note_peak(r);
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
        for (u64 level = 0; s->levels && level < r->levels; level++) free_table(&s->levels[level]);
        free(s->levels); free(r->can[t]);
        free(s->sets.members.at); free(s->sets.slots);
        for (int k = 0; k < SHARDS; k++) free(w->outbox[k].at);
        free(w->by_clause.at); free(w->by_check.at); free(w->exported.at);
    }
    free(r->found.at); free(r->reached_by.at); free(r->broken.at); free(r->part);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->turn);
    free(r);
}

/* Read the parts of `ranks.py`: for each PART_CELLS times (word, shift, bits), then the ranks. */
static int read_parts(Run *r, const u64 *from, u64 parts) {
    r->part = calloc(parts + 1, sizeof(Part));
    if (!r->part) return 0;
    r->parts = parts;
    for (u64 k = 0; k < parts; k++) {
        Part *p = &r->part[k];
        u64 bits = 0;
        for (int c = 0; c < PART_CELLS; c++) {
            p->word[c] = *from++; p->shift[c] = *from++; p->bits[c] = *from++;
            bits += p->bits[c];
        }
        p->ranks = from;
        from += 1ULL << bits;
    }
    return 1;
}

/* `tables`, `releases` and `parts` must live as long as the run; no parts, no forgetting. NULL without memory. */
Run *explore_begin(const u64 *start, const u64 *policies, const u64 *tables, const unsigned char *releases,
                   int threads, const u64 *parts, u64 part_count, u64 levels) {
    Run *r = calloc(1, sizeof(Run));
    if (!r) return NULL;
    r->tables = tables;
    r->releases = releases;
    r->threads = threads;
    r->levels = levels;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->turn, NULL);
    if (levels > MOST_LEVELS || !read_parts(r, parts, part_count)) { explore_free(r); return NULL; }
    r->level = level_of(r, start);
    for (int t = 0; t < SHARDS; t++) {
        Shard *s = &r->shard[t];
        r->worker[t].run = r;
        s->levels = calloc(levels, sizeof(Table));
        if (!s->levels || !reserve_sets(&s->sets, 4)) { explore_free(r); return NULL; }
        memset(s->sets.members.at, 0, NW * sizeof(u64));
        s->sets.members.used = NW;
        if (shard_of(hash(start)) != t) continue;
        Table *first = &s->levels[r->level];
        if (!reserve(first, 1, 0)) { explore_free(r); return NULL; }
        put_off(first, &s->sets, row_of(first, hash(start), start), policies, 0);
    }
    if (!begin_level(r)) { explore_free(r); return NULL; }
    return r;
}

/* ---- questions ---------------------------------------------------------------------------------------- */
u64 explore_states(const Run *r) {
    u64 n = 0;
    for (int t = 0; t < SHARDS; t++) {
        n += r->shard[t].forgotten;
        for (u64 level = r->level; level < r->levels; level++) n += row_count(&r->shard[t].levels[level]);
    }
    return n;
}

u64 explore_frontier(const Run *r) {
    u64 n = 0;
    for (int t = 0; t < SHARDS; t++) n += layer_end(r, t) - r->next[t];
    return n;
}

u64 explore_layers(const Run *r) { return r->reached_by.used / NW; }
u64 explore_bytes(const Run *r) { return bytes(r); }
u64 explore_peak(const Run *r) { return r->peak; }
u64 explore_sets(const Run *r) { return set_count(&r->shard[0].sets) + set_count(&r->shard[1].sets); }

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

/* The rest is asked of runs that keep everything: all states are in one level. */
static u64 *lookup(const Run *r, const u64 *state, int *shard) {
    u64 h = hash(state);
    *shard = shard_of(h);
    u32 row = *find_slot(table(r, *shard), h, state);
    return row ? row_at(table(r, *shard), row - 1) : NULL;
}

/* The layer of which `at` says where it begins, of item `number`. */
static u64 layer_of(const Words *at, u64 number) {
    u64 lo = 0, hi = at->used;
    while (lo + 1 < hi) {
        u64 mid = (lo + hi) / 2;
        if (at->at[mid] <= number) lo = mid; else hi = mid;
    }
    return lo;
}

/* The layer in which `policy` first reaches `state`, or -1. */
i64 explore_arrival(const Run *r, const u64 *state, int policy) {
    int t;
    const u64 *row = lookup(r, state, &t);
    const Sets *sets = &r->shard[t].sets;
    if (!row || !(reached_row(sets, row)[policy / 64] >> policy % 64 & 1)) return -1;
    const Table *s = table(r, t);
    u64 number = (row - s->rows.at) / ROW;
    for (u64 a = s->layers.at[layer_of(&s->first_rows, number)]; a < s->arrived; a++)
        if (s->arrivals[a].row == number && set_at(sets, s->arrivals[a].set)[policy / 64] >> policy % 64 & 1)
            return layer_of(&s->layers, a);
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
        u64 number = (row - table(w->run, t)->rows.at) / ROW;
        const u64 *can = set_at(&w->run->shard[t].sets, w->run->can[t][number]);
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
        const Table *s = table(r, t);
        for (u64 a = s->layers.at[depth]; a < s->layers.at[depth + 1]; a++)
            if (set_at(&r->shard[t].sets, s->arrivals[a].set)[policy / 64] & one[policy / 64])
                ask(w, row_at(s, s->arrivals[a].row), one);
    }
    w->mode = EXPLORE;
    memcpy(state, w->best, sizeof w->best);
    return w->best_step;
}

/* All edges of the arrivals `from`.. of shard t, at most `most` arrivals: number of edges, -1 without memory. */
i64 explore_export(Run *r, int t, u64 from, u64 most, const u64 **out) {
    const Table *s = table(r, t);
    Worker *w = &r->worker[t];
    u64 stop = from + most < r->next[t] ? from + most : r->next[t];
    w->mode = EXPORT;
    w->exported.used = 0;
    for (u64 a = from; a < stop && !w->no_memory; a++)
        ask(w, row_at(s, s->arrivals[a].row), set_at(&r->shard[t].sets, s->arrivals[a].set));
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

u64 explore_arrived(const Run *r, int t) { return table(r, t)->arrived; }

/* One arrival: its state and policies; returns the layer. */
u64 explore_arrival_at(const Run *r, int t, u64 number, u64 *state, u64 *policies) {
    const Table *s = table(r, t);
    memcpy(state, row_at(s, s->arrivals[number].row), KW * sizeof(u64));
    memcpy(policies, set_at(&r->shard[t].sets, s->arrivals[number].set), NW * sizeof(u64));
    return layer_of(&s->layers, number);
}

/* ---- progress ----------------------------------------------------------------------------------------- */
/* Whether row `number` learns of more policies that can settle. */
static int sweep_row(Run *r, int t, u64 number) {
    Worker *w = &r->worker[0];
    Sets *sets = &r->shard[t].sets;
    u32 *can = &r->can[t][number];
    u64 *row = row_at(table(r, t), number);
    if (*can == (u32)row[KW]) return 0;
    memcpy(w->can, set_at(sets, *can), sizeof w->can);
    if (settled(row) || halted(row)) join(w->can, reached_row(sets, row));
    else ask(w, row, reached_row(sets, row));
    u32 now_can = set_number(sets, w->can);
    if (*can == now_can) return 0;
    *can = now_can;
    return 1;
}

/* One sweep over the states first met in a layer: how many learnt of more policies that can settle, -1 without memory.
 * Over all layers, the last first, until nobody learns more, this is the backward fixed point, without stored edges. */
i64 explore_sweep(Run *r, u64 layer) {
    i64 changes = 0;
    for (int t = 0; t < SHARDS; t++) {
        const Words *rows = &table(r, t)->first_rows;
        if (!r->can[t]) r->can[t] = calloc(row_count(table(r, t)) + 1, sizeof(u32));
        if (!r->can[t] || !reserve_sets(&r->shard[t].sets, rows->at[layer + 1] - rows->at[layer])) return -1;
    }
    r->worker[0].mode = CAN;
    for (int t = 0; t < SHARDS; t++) {
        const Words *rows = &table(r, t)->first_rows;
        for (u64 row = rows->at[layer + 1]; row-- > rows->at[layer];) changes += sweep_row(r, t, row);
    }
    r->worker[0].mode = EXPLORE;
    return changes;
}

/* After the sweeps: the next arrival of shard t in `layer`, from number `from` of it on, with policies that cannot
 * settle and are not in `skip`; -1 if there is none. */
i64 explore_stuck(const Run *r, int t, u64 layer, u64 from, const u64 *skip, u64 *state, u64 *policies) {
    const Table *s = table(r, t);
    const Sets *sets = &r->shard[t].sets;
    u64 begin = s->layers.at[layer];
    for (u64 a = begin + from; a < s->layers.at[layer + 1]; a++) {
        const u64 *can = set_at(sets, r->can[t][s->arrivals[a].row]), *here = set_at(sets, s->arrivals[a].set);
        for (int j = 0; j < NW; j++) policies[j] = here[j] & ~can[j] & ~skip[j];
        if (!any(policies)) continue;
        memcpy(state, row_at(s, s->arrivals[a].row), KW * sizeof(u64));
        return a - begin;
    }
    return -1;
}
