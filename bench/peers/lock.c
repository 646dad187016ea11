/* The floor of lock and lock-2p: a robust process-shared pthread mutex, as POSIX has it. One process takes it and gives it
   back, or two want it all the time and count under it. It holds the conversation of peer.py, which needs no parser here. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 1000000, TURNS2 = 100000 };

static struct shared {
	pthread_mutex_t mutex __attribute__((aligned(128)));
	volatile unsigned long count __attribute__((aligned(128)));
	pthread_barrier_t start __attribute__((aligned(128)));
} *s;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(err));
		exit(1);
	}
}

static void turns(int n)
{
	for (int i = 0; i < n; i++) {
		must(pthread_mutex_lock(&s->mutex), "lock");
		s->count++;
		must(pthread_mutex_unlock(&s->mutex), "unlock");
	}
}

int main(int argc, char **argv)
{
	int two = argc > 1 && !strcmp(argv[1], "lock-2p");
	int processes = two ? 2 : 1, n = two ? TURNS2 : TURNS;
	pthread_mutexattr_t ma;
	pthread_barrierattr_t ba;
	char line[4096];

	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		must(errno, "mmap");
	must(pthread_mutexattr_init(&ma), "attr");
	must(pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED), "pshared");
	must(pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST), "robust");
	must(pthread_mutex_init(&s->mutex, &ma), "mutex");
	must(pthread_barrierattr_init(&ba), "attr");
	must(pthread_barrierattr_setpshared(&ba, PTHREAD_PROCESS_SHARED), "pshared");
	must(pthread_barrier_init(&s->start, &ba, processes), "barrier");
	if (two && fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pthread_barrier_wait(&s->start);
			turns(n);
			pthread_barrier_wait(&s->start);
		}
	}
	while (fgets(line, sizeof line, stdin)) {
		if (strstr(line, "\"do\":\"round\"")) {
			unsigned long before = s->count;
			pthread_barrier_wait(&s->start);
			double begun = now();
			turns(n);
			pthread_barrier_wait(&s->start);
			double took = now() - begun;
			if (s->count != before + (unsigned long)processes * n)
				printf("{\"error\": \"wrong count\"}\n");
			else
				printf("{\"ok\": {\"turn\": %.6e}}\n", took / n / processes);
		} else {
			printf("{\"ok\": {}}\n");
		}
		fflush(stdout);
		if (strstr(line, "\"do\":\"teardown\""))
			break;
	}
	return 0;
}
