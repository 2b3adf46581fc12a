/* list.h: circular lists whose members know their neighbours, so that one can leave at any time. */
#ifndef RL_LIST_H
#define RL_LIST_H

/* A member, or the head. A member that is in no list points to itself. */
struct rl_link {
  struct rl_link *next, *prev;
};

static inline void rl_link_init(struct rl_link *l) {
  l->next = l->prev = l;
}

static inline int rl_link_in_list(const struct rl_link *l) {
  return l->next != l;
}

/* At the end of the list; before a member, if that takes the head's place. */
static inline void rl_link_append(struct rl_link *head, struct rl_link *l) {
  l->prev = head->prev;
  l->next = head;
  head->prev->next = l;
  head->prev = l;
}

static inline void rl_link_remove(struct rl_link *l) {
  l->prev->next = l->next;
  l->next->prev = l->prev;
  rl_link_init(l);
}

/* `to`, which is in no list, takes the place of `from` as the head. */
static inline void rl_link_move(struct rl_link *from, struct rl_link *to) {
  rl_link_append(from, to);
  rl_link_remove(from);
}

#endif
