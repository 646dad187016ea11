/* The floor of manager-1: a server on a Unix socket that waits for a message and answers it with the pickle of ("#RETURN", 1), whatever
   it was. It waits in poll and then reads, as a read that waits is woken for nothing whenever the client has read an answer. manager PATH
   says "listening" and ends with its input. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char answer[] = "\0\0\0\x1a\x80\x04\x95\x0f\0\0\0\0\0\0\0\x8c\x07#RETURN\x94K\x01\x86\x94.";

int main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char request[4096];
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
	if (argc != 2 || strlen(argv[1]) >= sizeof a.sun_path)
		return 2;
	strcpy(a.sun_path, argv[1]);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 1)) {
		perror("manager");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	if ((c = accept(s, NULL, NULL)) < 0)
		return 1;
	for (;;) {
		struct pollfd p = {.fd = c, .events = POLLIN};
		if (poll(&p, 1, -1) < 0 || read(c, request, sizeof request) <= 0)
			return 0;
		if (write(c, answer, sizeof answer - 1) < 0)
			return 0;
	}
}
