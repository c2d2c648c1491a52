/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs for messages that no other test gets: CASE(name, program type, instructions). */

CASE("a call of helper 0", SOCKET_FILTER, CALLID(0), RET(0))
