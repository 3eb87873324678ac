// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A test that fails, on purpose. A runner that calls this green calls everything green.
contract MustFailTest {
    function testThatFails() public pure {
        require(false, "this is meant to fail");
    }
}
