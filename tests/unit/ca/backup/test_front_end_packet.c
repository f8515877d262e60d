#include "common/ca/backup/front_end_packet.h"

#include "common/base/file.h"
#include "common/ca/shared/store_key.h"
#include "tests/support/expect.h"
#include "tests/unit/ca/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char manifest[] = "version: 1\n";
static const char passphrase[] = "a passphrase of the packet";

/* A CA with a key of the store, and a packet of it. */
static struct ca_fixture ca;
static char path[300];
static struct layout *joined; /* elsewhere */
static struct front_end_packet packet;

static int write_packet(struct fault *fault)
{
	const struct packet_options options = {.layout = ca.layout,
					       .manifest = bytes_of_string(manifest),
					       .passphrase = bytes_of_string(passphrase),
					       .name = "ca2",
					       .number = 2,
					       .now_s = NOW_S};

	return write_front_end_packet(&options, path, fault);
}

static int read_packet(const char *with, struct fault *fault)
{
	CLEANUP(close_descriptor) int descriptor = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(descriptor, 0);
	return read_front_end_packet(descriptor, path, bytes_of_string(with), &packet, fault);
}

static void set_up(void)
{
	struct authority_made made = {0};
	char place[300];

	make_ca_place(&ca);
	OK(init_ca(&ca, NOW_S, &made, &fault));
	put_file(ca.layout->private, STORE_KEY_FILE, "the key of the store\n", 0600);
	(void)snprintf(path, sizeof(path), "%s/ca2.tar", ca.scratch.path);
	(void)snprintf(place, sizeof(place), "%s/joined", ca.scratch.path);
	OK(make_layout(place, &joined, &fault));
	OK(write_packet(&fault));
	packet = (struct front_end_packet){0};
}

static void tear_down(void)
{
	clear_front_end_packet(&packet);
	free_layout(&joined);
	remove_ca(&ca);
}

TestSuite(front_end_packet, .init = set_up, .fini = tear_down);

Test(front_end_packet, is_not_opened_with_another_passphrase)
{
	REFUSED(read_packet("another one", &fault), FAULT_REFUSED,
		"ca2.tar: this is not the passphrase under which it was made, or it was changed");
	cr_expect_eq(packet.files.len, 0);
}

Test(front_end_packet, is_not_opened_when_it_was_changed)
{
	static const struct {
		const char *name;
		const char *after;
	} rows[] = {{"the number", "number: "}, {"the name", "name: "}, {"a sum", "SHA256SUMS"}};
	CLEANUP(clear_buffer) struct buffer whole = {0};

	OK(read_file(ca.scratch.dirfd, "ca2.tar", 1 << 20, &whole, &fault));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t *at = memmem(whole.data, whole.len, rows[i].after, strlen(rows[i].after));

		cr_assert_not_null(at, "%s", rows[i].name);
		at += strlen(rows[i].after);
		*at ^= 1;
		put_bytes(ca.scratch.dirfd, "ca2.tar", bytes_of_buffer(&whole), 0600);
		REFUSED(read_packet(passphrase, &fault), ANY_CLASS, "ca2.tar: ", "%s",
			rows[i].name);
		*at ^= 1;
	}
	put_bytes(ca.scratch.dirfd, "ca2.tar", bytes_of_buffer(&whole), 0600);
	OK(read_packet(passphrase, &fault));
}

Test(front_end_packet, is_no_other_file)
{
	put_file(ca.scratch.dirfd, "ca2.tar", manifest, 0600);
	REFUSED(read_packet(passphrase, &fault), FAULT_MALFORMED, "ca2.tar: cut off");
	REFUSED(write_packet(&fault), FAULT_REFUSED, "ca2.tar: exists already");
}

Test(front_end_packet, has_what_another_front_end_needs)
{
	CLEANUP(clear_buffer) struct buffer root = {0};
	CLEANUP(clear_secret) struct secret key = {0};

	cr_expect_eq(mode_of(ca.scratch.dirfd, "ca2.tar"), 0600);
	OK(read_packet(passphrase, &fault));
	cr_expect_str_eq(packet.name, "ca2");
	cr_expect_eq(packet.number, 2);
	cr_expect(equal_bytes(packet.manifest, bytes_of_string(manifest)));
	OK(unpack_front_end(&packet, joined, &fault));
	OK(read_file(ca.layout->cert, "root.crt", 10000, &root, &fault));
	cr_expect(file_holds(joined->cert, "root.crt", (const char *)root.data));
	OK(read_secret_file(ca.layout->private, "root.key", 10000, &key, &fault));
	cr_expect(file_holds(joined->private, "root.key", (const char *)key.data));
	cr_expect(file_holds(joined->private, STORE_KEY_FILE, "the key of the store\n"));
	cr_expect_eq(mode_of(joined->private, "root.key"), 0600);
	/* Again, as after a kill. */
	OK(unpack_front_end(&packet, joined, &fault));
}

Test(front_end_packet, overwrites_nothing)
{
	put_file(joined->private, STORE_KEY_FILE, "another key\n", 0600);
	OK(read_packet(passphrase, &fault));
	REFUSED(unpack_front_end(&packet, joined, &fault), FAULT_REFUSED,
		"there is another file than in the packet, and it is not overwritten: join in a "
		"new layout");
	cr_expect(file_holds(joined->private, STORE_KEY_FILE, "another key\n"));
	cr_expect(!file_exists(joined->private, "root.key"));
}
